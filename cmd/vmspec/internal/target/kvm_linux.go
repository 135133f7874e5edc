package target

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests of /dev/kvm and of a VM: Linux's include/uapi/linux/kvm.h.
const (
	kvmCreateVM       = 0xae01
	kvmCheckExtension = 0xae03
	kvmCreateDevice   = 0xc00caee0
	kvmTestDevice     = 1 // a flag: create nothing
)

// kvm is /dev/kvm, and a VM without a CPU.
type kvm struct{ host, vm uintptr }

// lacksOfKVM asks this machine's KVM.
func lacksOfKVM() ([]string, error) {
	if err := KVM(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	vm, err := ioctl(f.Fd(), kvmCreateVM, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(int(vm))
	return ask(kvm{f.Fd(), vm})
}

func (k kvm) has(capability uintptr) (bool, error) {
	n, err := ioctl(k.host, kvmCheckExtension, capability)
	return n > 0, err
}

func (k kvm) creates(device uint32) (bool, error) {
	request := struct{ kind, fd, flags uint32 }{kind: device, flags: kvmTestDevice}
	_, err := ioctl(k.vm, kvmCreateDevice, uintptr(unsafe.Pointer(&request)))
	if errors.Is(err, unix.ENODEV) {
		return false, nil
	}
	return err == nil, err
}

func ioctl(fd, request, argument uintptr) (uintptr, error) {
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, argument)
	if errno != 0 {
		return 0, errno
	}
	return n, nil
}
