package target

import (
	"fmt"
	"strconv"
	"strings"
)

// Hypervisors that a machine of QEMU's can run.
const (
	Xen     = "xen"
	HostKVM = "kvm"
)

// Domains of Xen's: the first, which drives the hardware; one that Xen starts by the
// device tree, without a first; and one that the first starts.
const (
	Dom0     = "dom0"
	Dom0less = "dom0less"
	DomU     = "domu"
)

// nested are the targets with a hypervisor of their own. All are emulated: the
// machine has EL2 (virtualization=on).
var nested = []Target{
	{Name: "xen-dom0", Summary: "Xen's first domain, device tree", Hypervisor: Xen, Domain: Dom0},
	{Name: "xen-dom0less", Summary: "a domain that Xen starts by itself, device tree, virtual PL011", Hypervisor: Xen, Domain: Dom0less},
	{Name: "xen-domu", Summary: "a domain of Xen's with PV console, disk and network, device tree", Hypervisor: Xen, Domain: DomU},
	{Name: "kvm-qemu", Summary: "as qemu-virt, by KVM in an emulated host", Hypervisor: HostKVM, ACPI: true},
	{Name: "kvm-qemu-uefi", Summary: "as qemu-virt-uefi, by KVM in an emulated host", Hypervisor: HostKVM, UEFI: true},
	{Name: "kvm-qemu-acpi", Summary: "as qemu-virt-acpi, by KVM in an emulated host", Hypervisor: HostKVM, UEFI: true, ACPI: true},
	{Name: "kvm-qemu32", Summary: "as qemu-virt32, by KVM in an emulated host (aarch64=off)", Hypervisor: HostKVM, AArch32: true},
}

// A Host is what boots below the guest.
type Host struct {
	HostKernel    string // path
	HostInitramfs string // path, of this run's own: it holds the guest
	XenBinary     string // path
	HostTree      string // path of the machine's device tree with Xen's additions; empty for QEMU's own
	NeedsSocket   string // path of the socket by which dom0 is asked for what the guest needs; empty for none
}

// hostMemory is what a host needs beside its guest, in MiB. An initramfs lies there
// packed and unpacked; Xen lays its first domain out in large aligned pieces, and
// ends where memory has no room for them.
var hostMemory = map[string]int{Xen: 1536, HostKVM: 1024}

// outerMemory is the emulated machine's.
func (t Target) outerMemory(o Options) int {
	return o.Memory + hostMemory[t.Hypervisor]
}

// outerCPUs is how many CPUs the emulated machine has.
func (t Target) outerCPUs(o Options) int {
	if t.Domain == DomU {
		return o.CPUs + 1
	}
	return o.CPUs
}

// outerMachine is the machine that runs the hypervisor.
func (t Target) outerMachine(o Options, more string) []string {
	return []string{
		"-nodefaults", "-no-reboot", "-display", "none", "-monitor", "none", "-serial", "stdio",
		"-machine", "virt,virtualization=on,acpi=off,gic-version=" + strconv.Itoa(o.GIC) + more,
		"-accel", "tcg",
		"-cpu", cpus["tcg"],
		"-smp", strconv.Itoa(t.outerCPUs(o)),
		"-m", strconv.Itoa(t.outerMemory(o)),
	}
}

// nestedArgs are QEMU's, of a machine that runs a hypervisor.
func (t Target) nestedArgs(o Options) []string {
	args := t.outerMachine(o, "")
	switch {
	case t.Hypervisor == HostKVM:
		args = append(args, "-kernel", o.HostKernel, "-initrd", o.HostInitramfs, "-append", Emulated+" quiet")
	default:
		args = append(args, t.xenArgs(o)...)
	}
	if o.NeedsSocket != "" {
		args = append(args,
			"-device", "virtio-serial-pci",
			"-chardev", "socket,id=needs,server=on,wait=off,path="+escape(o.NeedsSocket),
			"-device", "virtserialport,chardev=needs,name="+needsPort)
	}
	return append(args, o.Extra...)
}

// needsPort is the name of the virtio port by which dom0 is asked (serve-needs in
// its initramfs).
const needsPort = "org.vmspec.needs"

// Inner is the target that a KVM host's QEMU starts.
func (t Target) Inner() Target {
	t.Hypervisor = ""
	return t
}

// HostScript is what a KVM host runs to start the guest. Options name the files as
// the host finds them.
func (t Target) HostScript(o Options) string {
	inner := t.Inner()
	o.Accel = "kvm"
	words := []string{Binary} // for AArch32, too: the host's KVM is AArch64's
	for _, word := range inner.Args(o) {
		words = append(words, quoteShell(word))
	}
	return "exec " + strings.Join(words, " ") + "\n"
}

// quoteShell quotes a word for a shell.
func quoteShell(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Where Xen finds what it starts: above what QEMU puts at the beginning of RAM. A
// first domain that only serves gets so much memory, in MiB.
const (
	dom0Memory = 512
	xenKernel  = 0x49000000
	xenInitrd  = 0x4d000000
	xenOptions = "vwfi=native bootscrub=0"
)

// dom0Alone keeps a first domain that only serves on a CPU of its own: an idle CPU
// waits in hardware (vwfi=native), and nobody else can use it meanwhile.
const dom0Alone = " dom0_max_vcpus=1 dom0_vcpus_pin"

// xenArgs start Xen.
func (t Target) xenArgs(o Options) []string {
	args := []string{"-kernel", o.XenBinary}
	switch t.Domain {
	case Dom0less:
		return append(args,
			"-append", xenOptions, "-dtb", o.HostTree,
			"-device", fmt.Sprintf("loader,force-raw=on,addr=%#x,file=%s", xenKernel, escape(o.Kernel)),
			"-device", fmt.Sprintf("loader,force-raw=on,addr=%#x,file=%s", xenInitrd, escape(o.Initramfs)))
	case DomU:
		return append(args, dom0Args(xenOptions+dom0Alone, o.HostKernel, o.HostInitramfs, Emulated+" console=hvc0 quiet", dom0Memory)...)
	}
	return append(args, dom0Args(xenOptions, o.Kernel, o.Initramfs, t.Parameters(o), o.Memory)...)
}

// dom0Args hand the first domain to Xen.
func dom0Args(options, kernel, initramfs, parameters string, memory int) []string {
	return []string{
		"-append", fmt.Sprintf("%s dom0_mem=%dM", options, memory),
		"-device", fmt.Sprintf("guest-loader,addr=%#x,kernel=%s,bootargs=%s", xenKernel, escape(kernel), escape(parameters)),
		"-device", fmt.Sprintf("guest-loader,addr=%#x,initrd=%s", xenInitrd, escape(initramfs)),
	}
}
