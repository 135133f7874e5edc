package gic_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/gic"
	"vmspec/probes/guest/guesttest"
)

func TestParseInterruptsFaults(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"empty":                   {"", "no header line"},
		"blank header":            {"\n", "header names no CPU"},
		"header is an interrupt":  {" 11:  0 GICv3\n", `header column "11:"`},
		"header column not a CPU": {" CPU0 cpu1\n", `header column "cpu1"`},
		"header column unnamed":   {" CPU0 1\n", `header column "1"`},
		"CPU without a number":    {" CPU\n", `header column "CPU"`},
		"CPU number negative":     {" CPU-1\n", `header column "CPU-1"`},
		"CPU number too large":    {" CPU65536\n", `header column "CPU65536"`},
		"line without a colon":    {" CPU0\n11 0\n", "line 2: no interrupt"},
		"line without a name":     {" CPU0\n11: 0\n : 0\n", "line 3: no interrupt"},
		"blank line":              {" CPU0\n\n", "line 2: no interrupt"},
		"line without end":        {" CPU0\n11: " + strings.Repeat("0", 2<<20), "too long"},
		"lines without end":       {" CPU0\n" + strings.Repeat("1:\n", 1<<16+1), "more than 65536 lines"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := gic.ParseInterrupts(strings.NewReader(test.text))
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestParseInterruptsLines(t *testing.T) {
	tests := map[string]struct {
		line   string
		counts []uint64
		chip   string
		timer  bool
	}{
		"nothing but a name":         {"11:", nil, "", false},
		"shorter than the header":    {"Err: 3", []uint64{3}, "", false},
		"count that is no number":    {"11: 1 x GICv3", []uint64{1}, "x", false},
		"count that overflows":       {"11: 1 99999999999999999999", []uint64{1}, "99999999999999999999", false},
		"not a device's":             {"IPI0: 1 2  Rescheduling interrupts", []uint64{1, 2}, "", false},
		"GICv2 without EL2":          {" 11: 1 2 GIC-0  27 Level  arch_timer", []uint64{1, 2}, "GIC-0", true},
		"GICv2":                      {" 11: 1 2 GICv2  27 Level  arch_timer", []uint64{1, 2}, "GICv2", true},
		"GICv3":                      {" 11: 1 2 GICv3  27 Level  arch_timer", []uint64{1, 2}, "GICv3", true},
		"GICv5":                      {" 11: 1 2 GICv5-PPI  27 Level  arch_timer", []uint64{1, 2}, "GICv5-PPI", true},
		"name of several words":      {" 24: 1 2 Hyper-V PCIe MSI 4138200989697 Edge  mana", []uint64{1, 2}, "Hyper-V PCIe MSI", false},
		"number of no controller":    {" 92: 1 2 xen-dyn  Edge  -event  arch_timer", []uint64{1, 2}, "xen-dyn", true},
		"no trigger":                 {" 92: 1 2 GICv3  27  arch_timer", []uint64{1, 2}, "GICv3", true},
		"no trigger and no number":   {" 92: 1 2 dummy  x", []uint64{1, 2}, "dummy", false},
		"no chip":                    {" 92: 1 2 None  x", []uint64{1, 2}, "None", false},
		"shared with others":         {" 11: 1 2 GICv3  27 Level  arch_timer, kvm", []uint64{1, 2}, "GICv3", true},
		"another name that holds it": {" 11: 1 2 GICv3  27 Level  arch_timer2", []uint64{1, 2}, "GICv3", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cpus, got, err := gic.ParseInterrupts(strings.NewReader("  CPU0  CPU3\n" + test.line + "\n"))
			require.NoError(t, err)
			require.Equal(t, []int{0, 3}, cpus)
			require.Len(t, got, 1)
			require.Equal(t, test.counts, got[0].Counts)
			require.Equal(t, test.chip, got[0].Chip())
			require.Equal(t, test.timer, got[0].Action("arch_timer"))
		})
	}
}

// A line of a large machine, which takes eleven bytes for each of its CPUs.
func TestParseInterruptsOfManyCPUs(t *testing.T) {
	const cpus = 4096
	var text strings.Builder
	for n := range cpus {
		fmt.Fprintf(&text, "%8s%-3d", "CPU", n)
	}
	text.WriteString("\n11:" + strings.Repeat("          1", cpus) + "     GICv3  27 Level     arch_timer\n")
	got, interrupts, err := gic.ParseInterrupts(strings.NewReader(text.String()))
	require.NoError(t, err)
	require.Len(t, got, cpus)
	require.EqualValues(t, cpus, interrupts[0].Total())
	require.EqualValues(t, 27, interrupts[0].Hardware())
}

func TestLoadInterrupts(t *testing.T) {
	_, _, err := gic.LoadInterrupts(fstest.MapFS{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, _, err = gic.LoadInterrupts(fstest.MapFS{"proc/interrupts": {}})
	require.ErrorContains(t, err, "parse proc/interrupts: no header line")

	cpus, interrupts, err := gic.LoadInterrupts(guesttest.Open(t, "qemu-virt-uefi-gicv3"))
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2, 3}, cpus)
	at := slices.IndexFunc(interrupts, func(i gic.Interrupt) bool { return i.Action("arch_timer") })
	require.GreaterOrEqual(t, at, 0)
	require.Equal(t, []string{"GICv3", "27", "Level", "arch_timer"}, interrupts[at].Fields)
	require.Len(t, interrupts[at].Counts, 4)
	require.NotContains(t, interrupts[at].Counts, uint64(0), "it ticked everywhere")
}

func FuzzParseInterrupts(f *testing.F) {
	for _, files := range guesttest.All(f) {
		text, err := files.ReadFile("proc/interrupts")
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(" CPU0\nErr: 0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cpus, interrupts, err := gic.ParseInterrupts(bytes.NewReader(data))
		if err != nil {
			return
		}
		require.NotEmpty(t, cpus)
		require.LessOrEqual(t, len(interrupts), bytes.Count(data, []byte("\n")))
		for _, i := range interrupts {
			// Who counts by CPU indexes the header with the column.
			require.LessOrEqual(t, len(i.Counts), len(cpus))
			require.NotEmpty(t, i.Name)
			require.False(t, i.Chip() == "" && i.Name == "0" && len(i.Fields) > 0)
		}
	})
}

func TestMessages(t *testing.T) {
	const text = `           CPU0       CPU1
 13:          1          0     GICv3  33 Level     uart-pl011
 17:          1          2   ITS-MSI 131072 Edge      PCIe PME, aerdrv
 18:          0          0       MSI 16384 Edge      virtio0-config
 19:          0          7  ITS-PCI-MSIX-0000:00:01.0   1 Edge      virtio1-req.0
 20:          9          9  ITS-pMSI   1 Edge      arm-smmu-v3-evtq
 21:          4          0   ITS-MSI 131073 Edge
 22:          4          0   ITS-MSI 131073
 23:          5        203  Hyper-V PCIe MSI 4138200989697 Edge      nvme0q0
 24:          9          9  ITS-pMSI-arm-smmu-v3.0.auto   1 Edge      arm-smmu-v3-gerror
MSI:          1          1
`
	_, interrupts, err := gic.ParseInterrupts(strings.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, []gic.Message{
		{Chip: "ITS-MSI", Count: 3, Users: []string{"PCIe PME", "aerdrv"}},
		{Chip: "MSI", Users: []string{"virtio0-config"}},
		{Chip: "ITS-PCI-MSIX-0000:00:01.0", Count: 7, Users: []string{"virtio1-req.0"}},
		{Chip: "ITS-MSI", Count: 4},
		{Chip: "ITS-MSI", Count: 4},
		{Chip: "Hyper-V PCIe MSI", Count: 208, Users: []string{"nvme0q0"}},
	}, gic.Messages(interrupts))
}
