// Package target knows the virtual machines that the suite can start by
// itself: QEMU's command lines, as data.
package target

import (
	"fmt"
	"strconv"
	"strings"
)

// A Target is a way to start a guest.
type Target struct {
	Name    string
	Summary string
	UEFI    bool // through AAVMF, with a variable store of its own
	UBoot   bool // through U-Boot, whose UEFI keeps variables on the disk
	ACPI    bool // the VMM describes the machine by ACPI as well
	Image   bool // from a disk image, by the removable media path
	GRUB    bool // through GRUB, which hands over QEMU's device tree beside the firmware's ACPI
	Force   bool // Linux runs by ACPI although there is a device tree (acpi=force)
	AArch32 bool

	Hypervisor string // what runs the guest, in a machine that QEMU emulates: Xen or KVM; empty where it is QEMU itself
	Domain     string // Xen's, in which the guest is
}

// All lists the targets.
func All() []Target {
	return append([]Target{
		{Name: "qemu-virt", Summary: "QEMU virt, kernel started directly, device tree", ACPI: true},
		{Name: "qemu-virt-uefi", Summary: "QEMU virt, UEFI (AAVMF), device tree (acpi=off)", UEFI: true},
		{Name: "qemu-virt-acpi", Summary: "QEMU virt, UEFI (AAVMF) as it comes: ACPI", UEFI: true, ACPI: true},
		{Name: "qemu-virt-both", Summary: "as qemu-virt-acpi, GRUB adds the tree, by which Linux runs", UEFI: true, ACPI: true, GRUB: true},
		{Name: "qemu-virt-both-acpi", Summary: "as qemu-virt-both, Linux runs by ACPI (acpi=force)", UEFI: true, ACPI: true, GRUB: true, Force: true},
		{Name: "qemu-image", Summary: "QEMU virt, disk image by UEFI (AAVMF), device tree (acpi=off)", UEFI: true, Image: true},
		{Name: "qemu-image-acpi", Summary: "QEMU virt, disk image by UEFI (AAVMF) as it comes: ACPI", UEFI: true, ACPI: true, Image: true},
		{Name: "qemu-uboot", Summary: "QEMU virt, disk image by U-Boot's UEFI, device tree", UBoot: true, Image: true},
		{Name: "qemu-virt32", Summary: "as qemu-virt, AArch32", AArch32: true},
		{Name: "qemu-virt32-uefi", Summary: "as qemu-virt-uefi, AArch32", UEFI: true, AArch32: true},
		{Name: "qemu-image32", Summary: "as qemu-image, AArch32", UEFI: true, Image: true, AArch32: true},
		{Name: "qemu-uboot32", Summary: "as qemu-uboot, AArch32", UBoot: true, Image: true, AArch32: true},
	}, nested...)
}

// Find returns the target of that name.
func Find(name string) (Target, error) {
	var names []string
	for _, t := range All() {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Target{}, fmt.Errorf("no target %q: there are %s", name, strings.Join(names, ", "))
}

// Options are what may differ from run to run of one target.
type Options struct {
	GIC       int    // 2 or 3
	CPUs      int    // at least 1
	Memory    int    // MiB
	Accel     string // "tcg", "kvm" or "hvf"
	Kernel    string // path of the kernel image
	Initramfs string // path
	Image     string // path of the disk image, in the kernel's place
	Disk      string // how the image is attached: one of Disks
	Sector    int    // bytes in a sector of that disk
	Append    string // kernel parameters; those of an image go by SMBIOS
	Code      string // path of the firmware's code, for UEFI targets and U-Boot
	Vars      string // path of this run's own variable store, for UEFI targets
	Capture   string // path that the captured guest goes to; empty for none
	Monitor   string // path of the socket on which QEMU's monitor listens; empty for none
	Extra     []string
	Reset     bool // a reset boots the VM again; else it ends QEMU
	Keep      bool // what the VM writes to the image stays there

	Host // of the targets with a hypervisor of their own
}

// Check refuses what cannot be meant.
func (o Options) Check() error {
	switch {
	case o.GIC != 2 && o.GIC != 3:
		return fmt.Errorf("--gic %d: 2 or 3", o.GIC)
	case o.CPUs < 1 || o.CPUs > 512:
		return fmt.Errorf("--cpus %d: 1 to 512", o.CPUs)
	case o.Memory < 64:
		return fmt.Errorf("--memory %d: at least 64 MiB", o.Memory)
	}
	return nil
}

// cpus are the CPU models by accelerator. TCG's "max" costs twice the time.
var cpus = map[string]string{"tcg": "cortex-a57", "kvm": "host", "hvf": "host"}

// cpu32 is the CPU model of AArch32, which is always emulated.
const cpu32 = "cortex-a15"

// parameters are the kernel's by accelerator. A panic is to end the run.
var parameters = map[string]string{"tcg": Emulated, "kvm": "panic=-1", "hvf": "panic=-1"}

// Emulated are the kernel's parameters under TCG. They leave out what says nothing of
// the VM and costs too much there. The kernel's page table isolation, which guards it
// from its programs and which a random base address turns on, flushes the TLB with every
// system call: a third of the suite's CPU time. The kernel's self-tests of its
// cryptography (crypto/testmgr.c) are a tenth of its boot.
const Emulated = "panic=-1 kpti=off " + noSelfTests

const noSelfTests = "cryptomgr.notests"

// parameters32 are those of AArch32, which has no such isolation.
const parameters32 = "panic=-1 " + noSelfTests

func (t Target) parameters(accel string) string {
	switch {
	case t.Hypervisor != "": // what is emulated is below it
		return Emulated
	case t.AArch32:
		return parameters32
	case t.Force:
		return parameters[accel] + " acpi=force"
	}
	return parameters[accel]
}

// Parameters are all of the kernel's.
func (t Target) Parameters(o Options) string {
	return strings.TrimSpace(t.parameters(o.Accel) + " " + o.Append)
}

// Args returns QEMU's arguments. The guest's console is QEMU's standard
// output.
func (t Target) Args(o Options) []string {
	if t.Hypervisor != "" {
		return t.nestedArgs(o)
	}
	args := append(t.machine(o, ""), t.guest(o)...)
	args = append(args, "-device", "virtio-rng-pci")
	if o.Capture != "" {
		args = append(args,
			"-device", "virtio-serial-pci",
			"-chardev", "file,id=capture,path="+escape(o.Capture),
			"-device", "virtserialport,chardev=capture,name=org.vmspec.capture")
	}
	args = append(args, rootPort(1)...)
	if o.Monitor != "" {
		args = append(args, rootPort(2)...)
		args = append(args, "-qmp", "unix:"+escape(o.Monitor)+",server=on,wait=off")
	}
	return append(args, o.Extra...)
}

// rootPort is a PCIe port with nothing behind it, into which a device can be plugged.
// A VM has one, and a second where somebody plugs: each costs its guest's kernel CPU
// time. The user's own ports have other numbers: QEMU's default is 0.
func rootPort(n int) []string {
	return []string{"-device", fmt.Sprintf("pcie-root-port,id=vmspec%d,chassis=%d,slot=%[2]d", n, 240+n)}
}

// TreeArgs returns the arguments by which QEMU writes the machine's device tree into
// a file, and ends.
func (t Target) TreeArgs(o Options, file string) []string {
	if t.Hypervisor != "" {
		return t.outerMachine(o, ",dumpdtb="+escape(file))
	}
	return append(t.machine(o, ",dumpdtb="+escape(file)), o.Extra...)
}

// machine is the machine with its firmware; more are options of -machine.
func (t Target) machine(o Options, more string) []string {
	machine, cpu := t.Board(o)
	args := []string{"-nodefaults"}
	if !o.Reset {
		args = append(args, "-no-reboot")
	}
	args = append(args,
		"-display", "none", "-monitor", "none", "-serial", "stdio",
		"-machine", machine+more,
		"-accel", o.Accel,
		"-cpu", cpu,
		"-smp", strconv.Itoa(o.CPUs),
		"-m", strconv.Itoa(o.Memory))
	return append(args, t.firmware(o)...)
}

// Board returns QEMU's machine with its options, and its processor.
func (t Target) Board(o Options) (machine, cpu string) {
	machine = "virt,gic-version=" + strconv.Itoa(o.GIC)
	if !t.ACPI {
		machine += ",acpi=off"
	}
	return machine, t.cpu(o.Accel)
}

func (t Target) cpu(accel string) string {
	switch {
	case t.AArch32 && accel == "kvm":
		return "host,aarch64=off"
	case t.AArch32:
		return cpu32
	}
	return cpus[accel]
}

func (t Target) firmware(o Options) []string {
	switch {
	case t.UEFI:
		return []string{
			"-drive", "if=pflash,format=raw,readonly=on,file=" + escape(o.Code),
			"-drive", "if=pflash,format=raw,file=" + escape(o.Vars),
		}
	case t.UBoot:
		return []string{"-bios", o.Code}
	}
	return nil
}

// guest is what boots, and its parameters.
func (t Target) guest(o Options) []string {
	switch {
	case t.GRUB: // its disk has the kernel and the parameters
		return o.disk()
	case !t.Image:
		return []string{"-kernel", o.Kernel, "-initrd", o.Initramfs, "-append", t.Parameters(o)}
	}
	args := o.disk()
	values := ""
	for _, word := range strings.Fields(o.Append) {
		values += ",value=" + escape(word)
	}
	if values != "" {
		args = append(args, "-smbios", "type=11"+values)
	}
	return args
}

// escape doubles the commas of a value in an option list, as QEMU wants them.
func escape(value string) string { return strings.ReplaceAll(value, ",", ",,") }
