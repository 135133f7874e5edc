package results_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// What is in a log is seen: all whole reports, and what tells of a boot behind
// them.
func TestReports(t *testing.T) {
	const (
		edk2  = "UEFI firmware (version 2022.11 built at 00:00:00)\n"
		uboot = "U-Boot 2023.01 (Jan 01 2023)\n"
		linux = "[    0.000000] Booting Linux on physical CPU 0x0\n"
		init  = "# vmspec: init 0.1.0 started\n"
		panic = "[    1.500000] Kernel panic - not syncing: VFS\n"
		off   = "[    9.000000] reboot: Power down\n"
	)
	a, b := minimal("aaaa"), minimal("bbbb")
	vm1, vm2 := func(log string) string { return behind("vm1 | ", log) }, func(log string) string { return behind("vm2 | ", log) }
	for name, c := range map[string]struct {
		log     string
		reports string // source, boot and nonce of each
		last    string // nonces of the last boots
		trace   string // the line and the meaning of the first
	}{
		"one":                        {linux + init + a + off, "/1/aaaa", "aaaa", ""},
		"two boots":                  {linux + a + off + edk2 + linux + b + off, "/1/aaaa /2/bbbb", "bbbb", ""},
		"two boots, one nonce":       {init + a + init + a, "/1/aaaa /2/aaaa", "aaaa", ""},
		"two machines, no prefix":    {a + b, "/1/aaaa /1/bbbb", "aaaa bbbb", ""},
		"two consoles":               {a + a, "/1/aaaa", "aaaa", ""},
		"then firmware":              {a + edk2, "/1/aaaa", "aaaa", "14: a firmware starts"},
		"then U-Boot":                {a + "\x1b[2J" + uboot, "/1/aaaa", "aaaa", "14: a firmware starts"},
		"then a kernel":              {a + off + linux, "/1/aaaa", "aaaa", "15: a kernel starts"},
		"then init":                  {a + init, "/1/aaaa", "aaaa", "14: the suite starts"},
		"then a panic":               {a + panic, "/1/aaaa", "aaaa", "14: the guest's kernel panicked"},
		"then a shell":               {a + "UEFI Interactive Shell v2.2\n", "/1/aaaa", "aaaa", "14: the firmware found nothing to boot and started its shell"},
		"then a report begins":       {a + "TAP version 13\n", "/1/aaaa", "aaaa", "14: a report begins that is not whole"},
		"then one that is cut":       {a + b[:300], "/1/aaaa", "aaaa", "14: a report begins that is not whole"},
		"then another console's":     {a + a[:300], "/1/aaaa", "aaaa", ""},
		"cut, then whole":            {linux + a[:300] + "\n" + linux + b, "/1/bbbb", "bbbb", ""},
		"two named":                  {interleaved(vm1(linux+a), vm2(linux+b)), "vm1 |/1/aaaa vm2 |/1/bbbb", "aaaa bbbb", ""},
		"two named, one boots again": {interleaved(vm1(a), vm2(b)) + vm1(linux), "vm1 |/1/aaaa vm2 |/1/bbbb", "aaaa bbbb", "27: a kernel starts"},
		"one named, two boots":       {vm1(linux + a + linux + b), "vm1 |/1/aaaa vm1 |/2/bbbb", "bbbb", ""},
		"the other boots later":      {vm1(linux+a) + vm2(linux+b), "vm1 |/1/aaaa vm2 |/1/bbbb", "aaaa bbbb", ""},
		"the other is cut":           {vm1(linux+a) + vm2(linux+b[:300]), "vm1 |/1/aaaa", "aaaa", "15: a kernel starts"},
		"the other began before":     {vm2(b[:300]) + vm1(a), "vm1 |/1/aaaa", "aaaa", "1: a report begins that is not whole"},
		"times go on":                {ticking(linux+a+linux+b, "06:50:%02d vm1: "), "vm1:/1/aaaa vm1:/2/bbbb", "bbbb", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var p results.Parser
			for line := range strings.Lines(c.log) {
				p.Line(strings.TrimSuffix(line, "\n"))
			}
			reports, traces := p.Reports()
			var got, last []string
			for _, r := range reports {
				got = append(got, fmt.Sprintf("%s/%d/%s", r.Source, r.Boot, r.Nonce))
			}
			for _, r := range results.LastBoots(reports) {
				last = append(last, r.Nonce)
			}
			require.Equal(t, c.reports, strings.Join(got, " "))
			require.Equal(t, c.last, strings.Join(last, " "))
			if c.trace == "" {
				require.Empty(t, traces)
				return
			}
			require.NotEmpty(t, traces)
			require.Equal(t, c.trace, fmt.Sprintf("%d: %s", traces[0].At, traces[0].Meaning))
		})
	}
}

// No log of a guest that reported tells of a boot without a report, whatever
// others wrote into it.
func TestReportsOfRealLogs(t *testing.T) {
	names, err := filepath.Glob("testdata/logs/*.log")
	require.NoError(t, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		var p results.Parser
		require.NoError(t, results.EachLine(strings.NewReader(string(data)), func(line string) { p.Line(line) }))
		reports, traces := p.Reports()
		if len(reports) > 0 {
			require.Empty(t, traces, name)
		}
	}
}

// Many reports are bounded, and the last of each source is kept.
func TestReportsOfMany(t *testing.T) {
	var p results.Parser
	for n := range 200 {
		log := "[    0.000000] Booting Linux on physical CPU 0x0\n" + minimal(fmt.Sprintf("n%d", n))
		for line := range strings.Lines(behind(fmt.Sprintf("vm%d | ", n%5), log)) {
			p.Line(strings.TrimSuffix(line, "\n"))
		}
	}
	reports, traces := p.Reports()
	require.Empty(t, traces)
	require.Less(t, len(reports), 100)
	require.Equal(t, 200, len(reports)+p.Forgotten)
	last := results.LastBoots(reports)
	require.Len(t, last, 5)
	for _, r := range last {
		require.Equal(t, 40, r.Boot)
	}
}
