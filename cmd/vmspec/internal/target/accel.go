package target

import (
	"fmt"
	"os"
	"runtime"
)

// ChooseAccel resolves "auto" for this target on this machine.
func (t Target) ChooseAccel(accel string) (string, error) {
	switch {
	case t.Hypervisor != "" && accel != "auto" && accel != "tcg":
		return "", fmt.Errorf("--accel %q: a machine that runs a hypervisor is emulated: auto or tcg", accel)
	case t.Hypervisor != "":
		return "tcg", nil
	case !t.AArch32:
		return ChooseAccel(accel)
	case accel != "auto" && accel != "tcg":
		return "", fmt.Errorf("--accel %q: AArch32 is emulated: auto or tcg", accel)
	}
	return "tcg", nil
}

// ChooseAccel resolves "auto" for this machine: hardware's help where an
// AArch64 host offers it, else emulation.
func ChooseAccel(accel string) (string, error) {
	if _, ok := cpus[accel]; ok {
		return accel, nil
	}
	if accel != "auto" {
		return "", fmt.Errorf("--accel %q: auto, tcg, kvm or hvf", accel)
	}
	if runtime.GOARCH == "arm64" && runtime.GOOS == "darwin" {
		return "hvf", nil
	}
	if KVM() == nil {
		return "kvm", nil
	}
	return "tcg", nil
}

// KVM returns nil where the host's kernel can run a guest, else why not.
func KVM() error {
	if runtime.GOARCH != "arm64" {
		return fmt.Errorf("the host is %s, not arm64", runtime.GOARCH)
	}
	kvm, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return kvm.Close()
}
