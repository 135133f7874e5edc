package suite

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/dt"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
)

// The two requirements, and the targets of links in sysfs.
const (
	treeID     = "HW-FDT-COMPLETE"
	acpiID     = "HW-ACPI-COMPLETE"
	rtcDevice  = "sys/devices/platform/9010000.pl031/"
	uartDevice = "sys/devices/platform/ARMH0011:00/"
)

// undriven is the clock without its driver. Its name is then in neither
// /proc/iomem nor /proc/interrupts.
var undriven = all(remove(rtcDevice+"driver"),
	edit("proc/iomem", "  09010000-09010fff : rtc-pl031\n", ""), edit("proc/interrupts", "rtc-pl031", "another"))

var descriptionCompleteMutants = []mutant{
	// Linux uses it, but no node describes it.
	{
		name: "a clock that the tree lacks", guest: driverGuest, change: without("pl031@9010000"),
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: "pl031@9010000 uses 9010000-9010fff, which no node of the device tree describes; rtc-pl031 uses interrupt 34, which no node of the device tree describes"},
	},
	{
		name: "a clock that the tree has elsewhere", guest: driverGuest, change: property("reg", cells(0, 0x9011000, 0, 0x1000)),
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: "uses 9010000-9010fff, which no node"},
	},
	{
		name: "a clock of another interrupt", guest: driverGuest, change: property("interrupts", cells(0, 3, 4)),
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: "rtc-pl031 uses interrupt 34, which no node"},
	},
	{
		name: "a device on the kernel's command line", guest: driverGuest,
		change: all(add("proc/iomem", "0b000000-0b0001ff : virtio-mmio.0\n"), link("sys/devices/platform/virtio-mmio.0/driver", "../../../bus/platform/drivers/virtio-mmio"),
			link(platformBus+"virtio-mmio.0", "../../../devices/platform/virtio-mmio.0")),
		want:    map[string]Verdict{treeID: Fail, "PLAT-DEV-ENUM": Fail},
		problem: map[string]string{treeID: "virtio-mmio.0 uses b000000-b0001ff, which no node"},
	},
	{
		name: "registers from nowhere", guest: driverGuest, change: add("proc/iomem", "0b000000-0b000fff : foo\n"),
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: "foo uses b000000-b000fff, which no node"},
	},
	{
		name: "a window of PCI that is larger than its bridge's", guest: driverGuest,
		change:  edit("proc/iomem", "10000000-3efeffff : pcie@10000000", "0f000000-3efeffff : pcie@10000000"),
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: "pcie@10000000 uses f000000-3efeffff, which no node"},
	},
	{
		name: "an interrupt from nowhere", guest: driverGuest, change: add("proc/interrupts", "90: 0 0 GIC-0 200 Level foo\n"),
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: "foo uses interrupt 200, which no node"},
	},
	{
		name: "an interrupt of PCI that the map lacks", guest: driverGuest,
		change:  tree(func(root *dt.Node) { node(root, "pcie@10000000").RemoveProperty("interrupt-map") }),
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: " uses interrupt "},
	},
	{
		name: "UEFI's framebuffer, memory of a virtio device, a driver's part", guest: driverGuest,
		change: add("proc/iomem", "0b000000-0b000fff : BOOTFB\n100000000-1ffffffff : virtio3\n200000000-2000000ff : xhci-hcd.0.auto\n"),
		want:   map[string]Verdict{},
	},
	{
		name: "interrupts of FF-A and of other controllers", guest: driverGuest,
		change: add("proc/interrupts", "90: 0 0 GIC-0 201 Level ARM-FFA\n91: 0 0 9030000.pl061 3 Edge GPIO Key Poweroff\n92: 0 0 xen-dyn Edge -event xenbus\n"),
		want:   map[string]Verdict{},
	},
	{
		name: "a clock that is disabled and used by UEFI", guest: driverGuest, change: property("status", []byte("disabled\x00")),
		want: map[string]Verdict{},
	},

	// The tree describes it, but no driver is bound to it.
	{
		name: "a clock without its driver", guest: driverGuest, change: undriven,
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: "/pl031@9010000 is described, but its driver rtc-pl031 is not bound to it"},
	},
	{
		name: "a second clock that is not there", guest: driverGuest, change: tree(func(root *dt.Node) {
			second := &dt.Node{Name: "pl031@b000000", Properties: slices.Clone(node(root, "pl031@9010000").Properties)}
			second.UpdateProperty("reg", cells(0, 0xb000000, 0, 0x1000))
			root.Children = append(root.Children, second)
		}),
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: "/pl031@b000000 is described, but its driver rtc-pl031 is not bound to it"},
	},
	{
		name: "a clock without its driver, and a kernel without it", guest: driverGuest, change: all(undriven, remove("sys/bus/amba/drivers/rtc-pl031")),
		want: map[string]Verdict{},
	},
	{
		name: "a clock without its driver, in somebody's guest", guest: driverGuest, change: all(undriven, replace("vmspec/context", "program\n")),
		want:    map[string]Verdict{treeID: Error, "PLAT-CONSOLE-INPUT": Skip, "PLAT-CPU-OFFLINE": Skip, "PLAT-VIRTIO-PORT": Skip},
		problem: map[string]string{treeID: "rtc-pl031 is not bound to it"},
	},
	{
		name: "a clock without its driver, and what waits is unknown", guest: driverGuest, change: all(undriven, remove(deferred)),
		want:    map[string]Verdict{treeID: Error},
		problem: map[string]string{treeID: "no driver is bound to /pl031@9010000, and it is unknown why: open sys/kernel/debug/devices_deferred"},
	},
	{
		name: "a clock that is described wrongly", guest: driverGuest,
		change:  all(undriven, kmsg("rtc-pl031: probe of 9010000.pl031 failed with error -22")),
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: "/pl031@9010000: its driver failed with error 22"},
	},
	{
		name: "a clock for which there was no memory", guest: driverGuest,
		change:  all(undriven, kmsg("rtc-pl031 9010000.pl031: probe with driver rtc-pl031 failed with error -12")),
		want:    map[string]Verdict{treeID: Error},
		problem: map[string]string{treeID: "its driver failed with error 12"},
	},
	{
		name: "a probe that failed once and then did not", guest: driverGuest, change: kmsg("rtc-pl031: probe of 9010000.pl031 failed with error -22"),
		want: map[string]Verdict{},
	},
	{
		name: "a slot that fails", guest: driverGuest, change: kmsg("virtio-mmio: probe of a000000.virtio_mmio failed with error -22"),
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: "/virtio_mmio@a000000: its driver failed with error 22"},
	},
	{
		name: "a function of PCI that fails", guest: driverGuest, change: kmsg("virtio-pci: probe of 0000:00:01.0 failed with error -22"),
		want: map[string]Verdict{},
	},
	{
		name: "a clock that waits for a node that is not there", guest: driverGuest,
		change:  all(undriven, add(deferred, "9010000.pl031\t\n"), property("clocks", cells(0x7777))),
		want:    map[string]Verdict{treeID: Fail, "HW-FDT-PHANDLES": Fail},
		problem: map[string]string{treeID: "/pl031@9010000 waits for a node that is not there (clocks)"},
	},
	{
		name: "a clock that waits for a driver", guest: driverGuest,
		change:  all(undriven, add(deferred, "9010000.pl031\tamba: wait for supplier /apb-pclk\n")),
		want:    map[string]Verdict{treeID: Error},
		problem: map[string]string{treeID: "/pl031@9010000 waits for another device: amba: wait for supplier /apb-pclk"},
	},
	{
		name: "a clock that shows no ID", guest: driverGuest, change: all(undriven, add(deferred, "9010000.pl031\t\n")),
		want:    map[string]Verdict{treeID: Fail},
		problem: map[string]string{treeID: "/pl031@9010000: its PrimeCell ID registers read as no known device; is there a device at that address?"},
	},
	{
		name: "a function of PCI that waits", guest: driverGuest, change: add(deferred, "0000:00:01.0\t\n"),
		want: map[string]Verdict{},
	},
	{
		name: "a node that no driver is for", guest: driverGuest, change: tree(func(root *dt.Node) {
			root.Children = append(root.Children, &dt.Node{Name: "x", Properties: []dt.Property{{Name: "compatible", Value: []byte("acme,x\x00")}}})
		}),
		want: map[string]Verdict{},
	},
	{
		name: "addresses that are hidden", guest: driverGuest, change: replace("proc/iomem", "00000000-00000000 : x\n"),
		want: map[string]Verdict{treeID: Error, "PLAT-DEV-ENUM": Error, "PLAT-MEM-ENUM": Error, "PLAT-PCI-BARS": Error},
	},

	// ACPI.
	{
		name: "a UART without its driver", guest: acpiDriverGuest, profile: V20, change: remove(uartDevice + "driver"),
		want:    map[string]Verdict{acpiID: Fail},
		problem: map[string]string{acpiID: "ARMH0011:00 is described, but its driver sbsa-uart is not bound to it"},
	},
	{
		name: "a UART that waits", guest: acpiDriverGuest, profile: V20,
		change:  all(remove(uartDevice+"driver"), add(deferred, "ARMH0011:00\t\n")),
		want:    map[string]Verdict{acpiID: Error},
		problem: map[string]string{acpiID: "ARMH0011:00 waits for another device"},
	},
	{
		name: "a UART that the namespace lacks", guest: acpiDriverGuest, profile: V20, change: remove(uartDevice + "firmware_node"),
		want:    map[string]Verdict{acpiID: Fail, "PLAT-DEV-ENUM": Fail},
		problem: map[string]string{acpiID: "ARMH0011:00 uses 9000000-9000fff, which no ACPI device describes"},
	},
	{
		name: "a GICC too few", guest: acpiDriverGuest, profile: V20, change: patch("APIC", 44+24+12, 0),
		want: map[string]Verdict{"PLAT-CPU-ENUM": Fail},
	},
	{
		name: "a GICv2 in the MADT", guest: acpiDriverGuest, profile: V20, change: patch("APIC", 44+20, 2),
		want:    map[string]Verdict{acpiID: Fail, "PLAT-GIC": Error},
		problem: map[string]string{acpiID: "Linux runs a GICv3, the MADT declares a GICv2"},
	},
	{
		name: "a MADT that does not say which GIC", guest: acpiDriverGuest, profile: V20, change: patch("APIC", 44+20, 0),
		want: map[string]Verdict{},
	},
	{
		name: "a FADT without PSCI", guest: acpiDriverGuest, profile: V20, change: patch("FACP", 129, 0, 0),
		want:    map[string]Verdict{acpiID: Fail, "HW-ACPI-BOOT": Fail},
		problem: map[string]string{acpiID: "Linux uses PSCI, which the FADT does not declare"},
	},
	{
		name: "a GTDT of another interrupt", guest: acpiDriverGuest, profile: V20, change: patch("GTDT", 64, 25),
		want:    map[string]Verdict{acpiID: Fail},
		problem: map[string]string{acpiID: "Linux uses timer interrupt 27, which the GTDT does not list"},
	},
	{
		name: "an SPCR of another place", guest: acpiDriverGuest, profile: V20, change: patch("SPCR", 44, le64(0x9040000)...),
		want:    map[string]Verdict{acpiID: Fail},
		problem: map[string]string{acpiID: "Linux uses no serial port at the address in the SPCR"},
	},
	{
		name: "an SPCR that is switched off", guest: acpiDriverGuest, profile: V20, change: patch("SPCR", 44, le64(0)...),
		want: fails("HW-ACPI-SBBR", "HW-STDOUT"), problem: map[string]string{"HW-STDOUT": "its address is 0"},
	},
	{
		name: "an SPCR of a 16550", guest: acpiDriverGuest, profile: V20, change: all(patch("SPCR", 36, 0), patch("SPCR", 44, le64(0x9040000)...)),
		want: map[string]Verdict{},
	},
	{
		name: "an MCFG of another place", guest: acpiDriverGuest, profile: V20, change: patch("MCFG", 44, le64(0x3f000000)...),
		want:    map[string]Verdict{acpiID: Fail},
		problem: map[string]string{acpiID: "Linux uses no PCI configuration space that the MCFG lists"},
	},
	{
		name: "no MCFG, for the namespace can have its place", guest: acpiDriverGuest, profile: V20, change: remove("sys/firmware/acpi/tables/MCFG"),
		want: map[string]Verdict{"HW-ACPI-SBBR": Fail},
	},
	{
		name: "a region that belongs to no device", guest: acpiDriverGuest, profile: V20, change: add("proc/iomem", "0b000000-0b000fff : APEI ERST\n"),
		want: map[string]Verdict{},
	},
}

// A capture of before drivers were recorded cannot be judged.
func TestCompleteNotCaptured(t *testing.T) {
	for guest, id := range map[string]string{uefiGuest: treeID, acpiGuest: acpiID} {
		got := verdicts(JudgeBy(Settings{Profile: V20}, "arm64", probes.Read(guesttest.Open(t, guest))))[id]
		require.Equal(t, Error, got.Verdict)
		require.Contains(t, got.Problem, "taken by an older vmspec")
	}
}

// On 32 bits a driver also refuses registers beyond 4 GiB with EINVAL.
func TestUnboundProblemOn32Bits(t *testing.T) {
	facts := probes.Read(all(undriven, kmsg("rtc-pl031: probe of 9010000.pl031 failed with error -22"))(t, guesttest.Open(t, driverGuest)))
	facts.Kernel.Arch = "arm"
	require.Equal(t, Error, checkTreeComplete(facts).Verdict)
}
