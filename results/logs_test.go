package results_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// The logs of real guests that others wrote into, in testdata/logs, as they
// were captured. All are of QEMU 7.2's virt machine under TCG with Debian's
// kernel 6.1 and the suite's guest.
//
// What the guest really said lies beside each: a virtio-serial port named
// org.vmspec.report took it to a file, up to the end line. Xen's domains have
// no such port: there it was cut out of the log by a script that takes off the
// prefix and the kernel's lines, and was held against the end line's hash.
//
// The floods are of two CPUs and
//
//	ignore_loglevel printk.devkmsg=on rdinit=/flood
//
// with testdata/logs/flood in a second initramfs behind the first. A PL011 of
// QEMU's takes a line at once, so that the kernel gets in only before its end;
// a 16550 takes 16 bytes at a time.
var logs = []struct {
	name, how  string // how it was made
	nonce      string
	prefix     string
	repaired   string // what is said of a report that was
	incomplete string // or of one that is not whole
}{
	{name: "flood-pl011", nonce: "flood",
		how:      "console=ttyAMA0 flood=1ms",
		repaired: "10 of its 378 lines, of FW-ENV-PERSIST PLAT-DEV-ENUM PLAT-COUNTER OS-XEN-PV OS-NO-ASSUMPTIONS PLAT-SMCCC FW-SMBIOS"},
	{name: "flood-16550", nonce: "flood",
		how:      "-device pci-serial, console=ttyS0",
		repaired: "30 of its 378 lines, of 17 points"},
	{name: "flood-16550-untimed", nonce: "flood",
		how:      "the same with printk.time=0 flood=50us: the kernel's lines begin like any other",
		repaired: "12 of its 378 lines, of FW-VAR-RUNTIME PLAT-GIC PLAT-GIC-CPUS PLAT-COUNTER PLAT-COUNTER-RATE PLAT-SMCCC PLAT-TPM FW-SMBIOS"},
	// No copy of six frames is whole: it takes the kernel's lines out.
	{name: "flood-16550-fast", nonce: "flood",
		how:      "the same as flood-16550 another time: of 484 lines, frames among them, 189 are cut",
		repaired: "134 of its 378 lines, of 35 points"},
	{name: "flood-two-consoles", nonce: "flood",
		how:      "console=ttyAMA0 console=hvc0 flood=300us, both as in consoles-file",
		repaired: "88 of its 378 lines, of 40 points"},

	{name: "consoles-file", nonce: "twice",
		how:      "ttyAMA0 and hvc0, each a chardev that appends to the same file, one CPU",
		repaired: "97 of its 378 lines, of 42 points"},
	{name: "consoles-lines", nonce: "twice",
		how:      "ttyAMA0 and hvc0, each a socket, from which a program took line by line into one file",
		repaired: "145 of its 378 lines, of 50 points"},
	{name: "consoles-64", nonce: "twice",
		how:      "ttyAMA0 and hvc0, each a pipe, from which a program took up to 64 bytes in turn",
		repaired: "58 of its 378 lines, of 34 points"},
	// The reader does not guess whose 16 bytes are whose.
	{name: "consoles-16", nonce: "twice",
		how:        "the same with up to 16 bytes",
		incomplete: "of its 53 frames there are 33"},

	// Each a Xen 4.17 with bootscrub=0 vwfi=native console=dtuart and domains
	// below /chosen: xen,domain, vpl011, one CPU, 384 MiB.
	{name: "xen-dom0less", nonce: "dom0less", prefix: "(XEN) DOM1: ",
		how: "one domain, console=ttyAMA0"},
	{name: "xen-dom0less-two", nonce: "first", prefix: "(XEN) DOM1: ",
		how: "two domains at once"},
	{name: "xen-dom0less-two", nonce: "second", prefix: "(XEN) DOM2: "},
	{name: "xen-dom0less-flood", nonce: "dom0less", prefix: "(XEN) DOM1: ",
		how:      "one domain of two CPUs, flooded; Xen breaks what is longer than 126 characters",
		repaired: "10 of its 382 lines, of FW-UEFI-BOOT FW-VAR-PERSIST PLAT-COUNTER PLAT-HOTPLUG-NET OS-NO-ASSUMPTIONS HW-STDOUT PLAT-PCI-MSI FW-SMBIOS"},
}

// realLog returns a log, and the lines that the guest wrote.
func realLog(t *testing.T, name, nonce string) (log string, truth []string) {
	t.Helper()
	report := name
	if nonce == "first" || nonce == "second" {
		report += "-" + nonce
	}
	truth = strings.Split(strings.TrimSuffix(stored(t, filepath.Join("logs", report+".tap")), "\n"), "\n")
	return stored(t, filepath.Join("logs", name+".log")), truth
}

func TestParseRealLogs(t *testing.T) {
	for _, c := range logs {
		t.Run(c.name+" "+c.nonce, func(t *testing.T) {
			t.Parallel()
			log, truth := realLog(t, c.name, c.nonce)
			r, err := results.Parse(strings.NewReader(log), c.nonce)
			require.NoError(t, err)
			if c.incomplete != "" {
				require.ErrorContains(t, r.Incomplete, c.incomplete)
				status, _ := r.Conclude(false)
				require.Equal(t, results.CouldNotTell, status)
				return
			}
			require.NoError(t, r.Incomplete)
			require.Equal(t, truth, r.Lines)
			require.Equal(t, c.prefix, r.Prefix)
			require.Equal(t, c.repaired, r.Repaired)
			require.False(t, r.Later)
		})
	}
}

// What is cut off a log, at its end or at its begin, makes no other report of
// it.
func TestParseRealLogsCut(t *testing.T) {
	const cuts = 100
	for _, c := range logs {
		t.Run(c.name+" "+c.nonce, func(t *testing.T) {
			t.Parallel()
			log, truth := realLog(t, c.name, c.nonce)
			log = log[strings.Index(log, "TAP version 13")-100:] // nothing before is a report's
			want := strings.Join(truth, "\n")
			for n := range cuts {
				at := len(log) * n / cuts
				for _, part := range []string{log[:at], log[at:]} {
					r, err := results.Parse(strings.NewReader(part), c.nonce)
					if err == nil && r.Incomplete == nil && strings.Join(r.Lines, "\n") != want {
						t.Fatalf("cut at byte %d: a whole report with other lines", at)
					}
				}
			}
		})
	}
}
