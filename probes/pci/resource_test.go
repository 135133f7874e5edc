package pci_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/pci"
)

const none = "0x0 0x0 0x0\n"

func TestParseResource(t *testing.T) {
	tests := map[string]struct {
		text string
		want []pci.BAR
		err  string
	}{
		"not three numbers":        {"0x0 0x0\n", nil, "line 1"},
		"no number":                {none + "0x0 end 0x200\n", nil, "line 2"},
		"end before start":         {"0x10 0xf 0x200\n", nil, "line 1"},
		"over the whole space":     {"0x0 0xffffffffffffffff 0x200\n", nil, "line 1"},
		"an empty line":            {none + "\n" + none, nil, "line 2"},
		"empty":                    {"", nil, ""},
		"no BAR":                   {strings.Repeat(none, 13), nil, ""},
		"memory and I/O":           {"0x2140 0x215f 0x40101\n0x10200000 0x10200fff 0x40200\n", []pci.BAR{{Index: 0, IO: true, Start: 0x2140, Size: 0x20, Placed: true}, {Index: 1, Start: 0x10200000, Size: 0x1000, Placed: true}}, ""},
		"without an address":       {strings.Repeat(none, 4) + "0x0 0x3fff 0x2014220c\n", []pci.BAR{{Index: 4, Size: 0x4000}}, ""},
		"by Enhanced Allocation":   {"0x1000 0x2fff 0x220\n", []pci.BAR{{Start: 0x1000, Size: 0x2000, Placed: true, Fixed: true}}, ""},
		"ROM and windows":          {strings.Repeat(none, 6) + "0x0 0x7ff 0x46200\n0x1 0x0 0x200\n", nil, ""},
		"a line that has no end":   {"0x0 0xfff 0x200", []pci.BAR{{Size: 0x1000, Placed: true}}, ""},
		"spaces at the line's end": {"0x0 0xfff 0x200 \n", []pci.BAR{{Size: 0x1000, Placed: true}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := pci.ParseResource(test.text)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func FuzzParseResource(f *testing.F) {
	text, err := guesttest.Open(f, "qemu-virt-devices").ReadFile("sys/bus/pci/devices/0000:00:01.0/resource")
	require.NoError(f, err)
	f.Add(string(text))
	f.Add("0x0 0x3fff 0x2014220c\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := pci.ParseResource(text)
		require.LessOrEqual(t, len(got), 6)
		for i, b := range got {
			require.NotZero(t, b.Size)
			require.True(t, i == 0 || got[i-1].Index < b.Index)
		}
		require.True(t, err == nil || got == nil)
	})
}

func TestReadBARs(t *testing.T) {
	f, err := pci.Read(guesttest.Open(t, "qemu-virt-devices"))
	require.NoError(t, err)
	require.Len(t, f.Functions, 9)
	require.Equal(t, []pci.BAR{
		{Index: 0, IO: true, Start: 0x2140, Size: 0x20, Placed: true},
		{Index: 1, Start: 0x10200000, Size: 0x1000, Placed: true, Claimed: true},
		{Index: 4, Start: 0x8000200000, Size: 0x4000, Placed: true, Claimed: true},
	}, f.Functions[1].BARs)

	f, err = pci.Read(guesttest.Open(t, "qemu-virt-gicv2"))
	require.NoError(t, err)
	require.Contains(t, f.Functions[1].ResourceErr, "not captured", "a guest of before")
}
