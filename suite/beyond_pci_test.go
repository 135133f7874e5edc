package suite

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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
