package target

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Firmware is what a VM starts: its code and, of UEFI in flash, an empty
// variable store.
type Firmware struct{ Code, Vars string }

// A Kind of firmware is what a group of targets needs.
type Kind struct {
	Name    string
	Is      string // for people
	Names   string // what --firmware takes
	Package Package
	Files   []Firmware // where systems install it
}

// Of UEFI's files, where Debian and Ubuntu, Fedora, Arch and Homebrew install
// them; of U-Boot's, Debian and Fedora.
var (
	aavmf = Kind{
		Name: "AAVMF", Is: "UEFI firmware for AArch64", Names: "CODE,VARS",
		Package: Package{"qemu-efi-aarch64", "edk2-aarch64", "qemu"},
		Files: []Firmware{
			{"/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"},
			{"/usr/share/AAVMF/AAVMF_CODE.no-secboot.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"},
			{"/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"},
			{"/usr/share/edk2/aarch64/QEMU_CODE.fd", "/usr/share/edk2/aarch64/QEMU_VARS.fd"},
			{"/opt/homebrew/share/qemu/edk2-aarch64-code.fd", "/opt/homebrew/share/qemu/edk2-arm-vars.fd"},
		},
	}
	aavmf32 = Kind{
		Name: "AAVMF32", Is: "UEFI firmware for AArch32", Names: "CODE,VARS",
		Package: Package{Debian: "qemu-efi-arm", Fedora: "edk2-arm"},
		Files: []Firmware{
			{"/usr/share/AAVMF/AAVMF32_CODE.fd", "/usr/share/AAVMF/AAVMF32_VARS.fd"},
			{"/usr/share/edk2/arm/QEMU_EFI-pflash.raw", "/usr/share/edk2/arm/vars-template-pflash.raw"},
		},
	}
	uboot = Kind{
		Name: "U-Boot arm64", Is: "U-Boot for QEMU's virt", Names: "FILE",
		Package: Package{Debian: "u-boot-qemu", Fedora: "uboot-images-armv8"},
		Files: []Firmware{
			{Code: "/usr/lib/u-boot/qemu_arm64/u-boot.bin"},
			{Code: "/usr/share/uboot/qemu_arm64/u-boot.bin"},
		},
	}
	uboot32 = Kind{
		Name: "U-Boot arm", Is: "U-Boot for QEMU's virt, AArch32", Names: "FILE",
		Package: Package{Debian: "u-boot-qemu", Fedora: "uboot-images-armv7"},
		Files: []Firmware{
			{Code: "/usr/lib/u-boot/qemu_arm/u-boot.bin"},
			{Code: "/usr/share/uboot/qemu_arm/u-boot.bin"},
		},
	}
)

// Kinds lists all kinds of firmware.
func Kinds() []Kind { return []Kind{aavmf, aavmf32, uboot, uboot32} }

// Firmware returns the kind that the target starts by; nil for a target whose
// kernel QEMU starts itself.
func (t Target) Firmware() *Kind {
	switch {
	case t.UBoot && t.AArch32:
		return &uboot32
	case t.UBoot:
		return &uboot
	case t.UEFI && t.AArch32:
		return &aavmf32
	case t.UEFI:
		return &aavmf
	}
	return nil
}

// Find returns the named firmware, or the installed one where none is named.
func (k *Kind) Find(named string) (Firmware, error) {
	if named != "" {
		return k.named(named)
	}
	return k.installed(ThisSystem())
}

// named takes what --firmware names.
func (k *Kind) named(value string) (f Firmware, err error) {
	files := []string{value}
	if f.Code = value; k.hasStore() {
		code, vars, ok := strings.Cut(value, ",")
		if !ok {
			return Firmware{}, fmt.Errorf("--firmware %s: want the code's file and the variable store's, with a comma between", value)
		}
		f, files = Firmware{code, vars}, []string{code, vars}
	}
	for _, name := range files {
		if !readable(name) {
			return Firmware{}, fmt.Errorf("--firmware %s: %q cannot be read", value, name)
		}
	}
	return f, nil
}

func (k *Kind) hasStore() bool { return k.Files[0].Vars != "" }

func (k *Kind) installed(s System) (Firmware, error) {
	var looked []string
	for _, f := range k.Files {
		if readable(f.Code) && (f.Vars == "" || readable(f.Vars)) {
			return f, nil
		}
		looked = append(looked, f.Code)
	}
	return Firmware{}, fmt.Errorf("%w; or name it with --firmware %s", s.missing(k.Is, k.Package, looked), k.Names)
}

func readable(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// OwnVars copies the empty variable store into dir, for one run to write to.
func (f Firmware) OwnVars(dir string) (string, error) {
	data, err := os.ReadFile(f.Vars)
	if err != nil {
		return "", fmt.Errorf("make a variable store: %w", err)
	}
	name := filepath.Join(dir, "vars.fd")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		return "", fmt.Errorf("make a variable store: %w", err)
	}
	return name, nil
}
