package suite

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/dt"

	"vmspec/probes/guest"
)

// silent sets the counts of all message interrupts to 0.
func silent(t testing.TB, files *guest.FS) *guest.FS {
	data, err := files.ReadFile("proc/interrupts")
	require.NoError(t, err)
	var out strings.Builder
	for line := range strings.Lines(string(data)) {
		if name, rest, ok := strings.Cut(line, "ITS-MSI"); ok {
			number, counts, _ := strings.Cut(name, ":")
			line = number + ":" + strings.Repeat(" 0", len(strings.Fields(counts))) + " ITS-MSI" + rest
		}
		out.WriteString(line)
	}
	return files.With(map[string][]byte{"proc/interrupts": []byte(out.String())})
}

// virtioPCI are the functions of virtio devices in busGuest that have MSI-X.
var virtioPCI = []string{"01.0", "02.0", "03.0", "04.0", "05.0", "07.0"}

// noMSIX disables MSI-X in all of them.
func noMSIX(t testing.TB, files *guest.FS) *guest.FS {
	for _, fn := range virtioPCI {
		files = set(pciBus+fn+"/config", map[int]byte{0x9b: 0})(t, files)
	}
	return files
}

var pciMutants = []mutant{
	{
		name: "PCI without a v2m frame", guest: directGuest,
		change:  all(edit("proc/interrupts", "       MSI ", "     other "), tree(func(root *dt.Node) { node(root, "intc@8000000").Children = nil })),
		want:    map[string]Verdict{"HW-FDT-PHANDLES": Fail, "PLAT-PCI-MSI": Fail, "PLAT-PCI-MSI-COUNT": Skip},
		problem: map[string]string{"PLAT-PCI-MSI": "neither a GICv2m frame nor an ITS", "PLAT-PCI-MSI-COUNT": reasonNoMSI},
	},
	{
		name: "messages that nothing declares, and that come", guest: directGuest,
		change: tree(func(root *dt.Node) { node(root, "intc@8000000").Children = nil }),
		want:   map[string]Verdict{"HW-FDT-PHANDLES": Fail},
	},
	{
		name: "a v2m frame that is disabled", guest: directGuest,
		change: all(edit("proc/interrupts", "       MSI ", "     other "), tree(func(root *dt.Node) {
			node(root, "intc@8000000").Children[0].UpdateProperty("status", []byte("disabled\x00"))
		})),
		want: map[string]Verdict{"PLAT-PCI-MSI": Fail, "PLAT-PCI-MSI-COUNT": Skip},
	},
	{
		name: "a configuration space that cannot be read", guest: busGuest, change: remove(rngPCI + "config"),
		want:    map[string]Verdict{"PLAT-VIRTIO-IDS": Error, "PLAT-VIRTIO-PCI": Error, "PLAT-PCI-CONFIG": Error},
		problem: map[string]string{"PLAT-PCI-CONFIG": "does not exist"},
	},
	{
		name: "a capability list that goes in a circle", guest: busGuest, change: set(portPCI+"config", map[int]byte{0x41: 0x54}),
		want:    map[string]Verdict{"PLAT-PCI-CONFIG": Fail},
		problem: map[string]string{"PLAT-PCI-CONFIG": "0000:00:08.0: capability list has no end"},
	},
	{
		name: "a capability in the header", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x41: 0x10}),
		want:    map[string]Verdict{"PLAT-PCI-CONFIG": Fail},
		problem: map[string]string{"PLAT-PCI-CONFIG": "capability pointer 0x10"},
	},
	{
		name: "an extended capability in front of all", guest: busGuest, change: set(portPCI+"config", map[int]byte{0x102: 0x02, 0x103: 0x04}),
		want:    map[string]Verdict{"PLAT-PCI-CONFIG": Fail},
		problem: map[string]string{"PLAT-PCI-CONFIG": "extended capability pointer 0x40"},
	},
	{
		name: "a bridge with a device's header", guest: busGuest, change: set(portPCI+"config", map[int]byte{0x0e: 0}),
		want:    map[string]Verdict{"PLAT-PCI-CONFIG": Fail},
		problem: map[string]string{"PLAT-PCI-CONFIG": "header type 0 with class 0x60400"},
	},
	{
		name: "a header of no known type", guest: busGuest, change: set(portPCI+"config", map[int]byte{0x0e: 3}),
		want: map[string]Verdict{"PLAT-PCI-CONFIG": Fail},
	},
	{
		name: "a function of several", guest: busGuest, change: set(portPCI+"config", map[int]byte{0x0e: 0x81}),
		want: map[string]Verdict{},
	},
	{
		name: "a BAR that found no room", guest: busGuest,
		change:  edit(rngPCI+"resource", "0x0000008000200000 0x0000008000203fff 0x000000000014220c", "0x0 0x3fff 0x000000002014220c"),
		want:    map[string]Verdict{"PLAT-PCI-BARS": Fail},
		problem: map[string]string{"PLAT-PCI-BARS": "0000:00:01.0 BAR 4: no window has room for its 0x4000 bytes"},
	},
	{
		name: "a BAR outside the windows", guest: busGuest, change: edit("proc/iomem", "  10200000-10200fff : 0000:00:01.0\n", ""),
		want:    map[string]Verdict{"PLAT-PCI-BARS": Fail},
		problem: map[string]string{"PLAT-PCI-BARS": "0000:00:01.0 BAR 1: 0x10200000+0x1000 is in no window"},
	},
	{
		name: "a BAR of an odd size", guest: busGuest, change: edit(rngPCI+"resource", "0x0000000010200fff", "0x0000000010202fff"),
		want: map[string]Verdict{"PLAT-PCI-BARS": Fail},
	},
	{
		name: "an MSI-X table behind its BAR", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x9d: 0x10}),
		want:    map[string]Verdict{"PLAT-PCI-BARS": Fail},
		problem: map[string]string{"PLAT-PCI-BARS": "MSI-X table at 0x1000+0x20, BAR 1 has 0x1000 bytes"},
	},
	{
		name: "a host bridge without I/O space", guest: busGuest,
		change: edit(rngPCI+"resource", "0x0000000000002140 0x000000000000215f 0x0000000000040101", "0x0 0x1f 0x0000000020040101"),
		want:   map[string]Verdict{},
	},
	{
		name: "messages that never come", guest: busGuest, change: silent,
		want:    map[string]Verdict{"PLAT-PCI-MSI-COUNT": Fail},
		problem: map[string]string{"PLAT-PCI-MSI-COUNT": "no message came, not even from the disk 0000:00:03.0"},
	},
	{
		name: "an ITS that PCI is not connected to", guest: busGuest, change: all(silent, noMSIX),
		want:    map[string]Verdict{"PLAT-PCI-MSI-COUNT": Fail},
		problem: map[string]string{"PLAT-PCI-MSI-COUNT": "the drivers of 6 devices with MSI got no message interrupt"},
	},
	{
		name: "our own pci=nomsi", guest: busGuest, change: all(silent, noMSIX, edit("proc/cmdline", "panic=-1", "panic=-1 pci=nomsi")),
		want: map[string]Verdict{"PLAT-PCI-MSI-COUNT": Error},
	},
	{
		name: "devices that have not interrupted", guest: busGuest, change: all(silent, replace(virtioBus+"virtio3/status", "0x00000001\n")),
		want:    map[string]Verdict{"PLAT-PCI-MSI-COUNT": Error},
		problem: map[string]string{"PLAT-PCI-MSI-COUNT": "perhaps no device sent one"},
	},
}
