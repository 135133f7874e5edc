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
		name: "a node that no driver is for", guest: driverGuest, change: tree(func(root *dt.Node) {
			root.Children = append(root.Children, &dt.Node{Name: "x", Properties: []dt.Property{{Name: "compatible", Value: []byte("acme,x\x00")}}})
		}),
		want: map[string]Verdict{},
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
