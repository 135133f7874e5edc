package results_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

func TestSymptom(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"", ""},
		{"[    0.512340] Kernel command line: panic=-1 console=ttyAMA0", ""},
		{"[    0.900000] Run /init as init process", ""},
		{"UEFI firmware (version 2024.02 built at 00:00:00)", ""},
		{"EFI stub: Using DTB from configuration table", ""},
		{"EFI stub: WARNING: Failed to measure data for event 1: 0x8000000000000003", ""},
		{"BdsDxe: loading Boot0001 \"UEFI Misc Device\" from PciRoot(0x0)/Pci(0x1,0x0)", ""},
		{"[    0.000000] Internal error handling is on", ""},
		{"resetting ...", ""}, // U-Boot says so when it is asked to, too
		{"[    1.500000] Kernel panic - not syncing: VFS: Unable to mount root fs", "the guest's kernel panicked"},
		{"[    2.000000] Internal error: Oops: 0000000096000004 [#1] SMP", "the guest's kernel crashed"},
		{"[    2.000000] Internal error: Oops: 5 [#1] ARM", "the guest's kernel crashed"},
		{"[    2.000000] Internal error: synchronous external abort: 0000000096000010 [#1] SMP", "the guest's kernel crashed"},
		{"EFI stub: ERROR: Failed to relocate kernel", "the kernel's EFI stub gave up"},
		{"Error: invalid device tree blob at physical address 0x0000000048000001 (virtual address 0x0)", "the kernel refused its device tree"},
		{"Synchronous Exception at 0x000000005F8A1000", "the firmware crashed"},
		{"SError Exception at 0x000000005F8A1000", "the firmware crashed"},
		{"Data abort Exception PC at 0x5F8A1000  CPSR 0x60000033", "the firmware crashed"},
		{"ASSERT [DxeCore] /build/edk2/MdeModulePkg/Core/Dxe/Mem/Pool.c(574): Tail->Signature == 1", "the firmware stopped at an assertion"},
		{"BdsDxe: No bootable option or device was found.", "the firmware found nothing to boot"},
		{"UEFI Interactive Shell v2.2", "the firmware found nothing to boot and started its shell"},
		{`"Synchronous Abort" handler, esr 0x96000004, far 0x0`, "the firmware crashed"},
		{`"Synchronous Abort" handler, esr 0x96000004`, "the firmware crashed"},
		{`"Error" handler, esr 0xbf000002`, "the firmware crashed"},
		{"Resetting CPU ...", "the firmware crashed"}, // on 32 bits there is no other line
		{"### ERROR ### Please RESET the board ###", "the firmware crashed"},
		{"Unhandled Exception in EL3.", "the firmware crashed"},
		{"   Minimal BASH-like line editing is supported. For the first word, TAB", "GRUB found no configuration and started its shell"},
		{"grub rescue>", "GRUB found no configuration and started its shell"},
		{"(XEN) Panic on CPU 0:", "the hypervisor crashed"},
	} {
		t.Run(c.line, func(t *testing.T) {
			meaning, ok := results.Symptom(c.line)
			require.Equal(t, c.want, meaning)
			require.Equal(t, c.want != "", ok)
		})
	}
}

func TestHealth(t *testing.T) {
	const (
		edk2  = "UEFI firmware (version 2022.11 built at 00:00:00 on Jan 1 2022)\n"
		linux = "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]\n"
		fault = "[    1.500000] Kernel panic - not syncing: VFS\n"
		bl31  = "NOTICE:  BL31: v2.9(release):\n1\n2\n3\n"
	)
	for name, c := range map[string]struct {
		log, symptom string
		line         int
	}{
		"nothing":                         {"", "", 0},
		"a start":                         {edk2 + linux + "[    0.1] a\n", "", 0},
		"a panic":                         {edk2 + linux + fault + "rest\n", "the guest's kernel panicked", 3},
		"the first symptom of two":        {"ASSERT [x]\nResetting CPU ...\n", "the firmware stopped at an assertion", 1},
		"a shell that starts the kernel":  {"UEFI Interactive Shell v2.2\n" + linux, "", 0},
		"an error of the stub that is no": {"EFI stub: ERROR: FIRMWARE BUG: kernel image not aligned\n" + linux, "", 0},
		"an oops that the suite survives": {linux + "[ 2.0] Internal error: Oops: 5 [#1] ARM\n# vmspec: trial timer\n", "", 0},
		"a kernel that starts another":    {linux + linux, "", 0},
		"a firmware in a loop":            {edk2 + "x\n" + edk2 + "x\n" + edk2 + "x\n", "the machine starts again and again", 5},
		"with times before its lines":     {"10:00:01 " + edk2 + "10:00:02 " + edk2 + "2026-11-29T10:00:03.123Z " + edk2, "the machine starts again and again", 3},
		"a kernel in a loop":              {linux + fault + linux + fault + linux + fault, "the machine starts again and again", 5},
		"another firmware in a loop":      {bl31 + bl31 + bl31, "the machine starts again and again", 9},
		"a line without end":              {strings.Repeat("NOTICE:  waiting for the disk\n", 99), "", 0},
		"three guests of one console":     {"(XEN) DOM1: " + linux + "(XEN) DOM2: " + linux + "(XEN) DOM3: " + linux, "", 0},
		"a loop that ends":                {edk2 + edk2 + edk2 + "TAP version 13\n", "", 0},
		"reports between the starts":      {edk2 + "# vmspec\n" + edk2 + "# vmspec\n" + edk2 + "# vmspec\n", "", 0},
		"U-Boot behind its first part":    {"U-Boot SPL 2023.01\nU-Boot 2023.01\nU-Boot SPL 2023.01\nU-Boot 2023.01\n", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			var h results.Health
			ill := false
			for line := range strings.Lines(c.log) {
				switch h.Take(strings.TrimSuffix(line, "\n")) {
				case results.SymptomShown:
					ill = true
				case results.Recovered:
					require.True(t, ill)
					ill = false
				}
				require.Equal(t, h.Symptom != "", ill)
			}
			require.Equal(t, c.symptom, h.Symptom)
			require.Equal(t, c.line, h.Line)
		})
	}
}

// No log of a guest that reported shows a symptom at its end.
func TestHealthOfWholeLogs(t *testing.T) {
	logs, err := filepath.Glob("testdata/logs/*.*")
	require.NoError(t, err)
	for _, name := range logs {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		var h results.Health
		for line := range strings.Lines(string(data)) {
			h.Take(line)
		}
		require.Empty(t, h.Symptom, name)
	}
}

// Whatever a guest writes, its symptom stands in one of its lines.
func FuzzHealth(f *testing.F) {
	f.Add("UEFI firmware (version 1)\nx\nSynchronous Exception at 0\nTAP version 13\n")
	f.Add("\x1b[2J0\n0\n\n")
	f.Fuzz(func(t *testing.T, log string) {
		var h results.Health
		lines := 0
		for line := range strings.Lines(log) {
			lines++
			h.Take(line)
			require.Equal(t, h.Symptom == "", h.Line == 0)
			require.LessOrEqual(t, h.Line, lines)
		}
	})
}

func BenchmarkHealth(b *testing.B) {
	const line = "[    1.234567] virtio_blk virtio0: [vda] 96256 512-byte logical blocks (49.3 MB/47.0 MiB)"
	var h results.Health
	h.Take("[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]")
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		h.Take(line)
	}
}
