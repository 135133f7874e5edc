package pci_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/pci"
)

// extended is a configuration space of 4096 bytes with words at places.
func extended(words map[int]uint32) []byte {
	out := config(4096, 0, nil)
	for at, w := range words {
		binary.LittleEndian.PutUint32(out[at:], w)
	}
	return out
}

func TestParseConfigLists(t *testing.T) {
	next := func(at uint32) uint32 { return at<<20 | 1<<16 | 1 }
	tests := map[string]struct {
		config   []byte
		list     int
		extended int
		err      string
		hidden   bool
	}{
		"cut at the header":                {config(64, 0x40, nil), 0, 0, "", true},
		"header only, no list":             {make([]byte, 64), 0, 0, "", false},
		"pointer into the header":          {config(256, 0x3c, nil), 0, 0, "capability pointer 0x3c", false},
		"next pointer into the header":     {config(256, 0x40, map[int]byte{0x40: 1, 0x41: 4}), 1, 0, "capability pointer 0x4", false},
		"capability points to itself":      {config(256, 0x40, map[int]byte{0x40: 1, 0x41: 0x40}), 64, 0, "no end", false},
		"capability behind its space":      {config(4096, 0xfc, map[int]byte{0xfc: 1}), 1, 0, "", false},
		"no extended capability":           {extended(nil), 0, 0, "", false},
		"extended space of ones":           {extended(map[int]uint32{0x100: 1<<32 - 1}), 0, 0, "", false},
		"one extended":                     {extended(map[int]uint32{0x100: next(0)}), 0, 1, "", false},
		"two extended":                     {extended(map[int]uint32{0x100: next(0x148), 0x148: next(0)}), 0, 2, "", false},
		"extended points to itself":        {extended(map[int]uint32{0x100: next(0x100)}), 0, 1025, "extended capability list has no end", false},
		"extended points below its space":  {extended(map[int]uint32{0x100: next(0x40)}), 0, 1, "extended capability pointer 0x40", false},
		"extended points behind the space": {extended(map[int]uint32{0x100: next(0xffc), 0xffc: next(0x40)}), 0, 2, "extended capability pointer 0x40", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := pci.ParseConfig(test.config, false)
			require.NoError(t, err)
			require.Equal(t, test.list, got.Capabilities)
			require.Equal(t, test.extended, got.Extended)
			require.Equal(t, test.hidden, got.Hidden)
			if require.Contains(t, got.ListErr, test.err); test.err == "" {
				require.Empty(t, got.ListErr)
			}
		})
	}
	for _, size := range []int{0, 63} {
		_, err := pci.ParseConfig(make([]byte, size), true)
		require.ErrorContains(t, err, "bytes, want at least 64")
	}
}

func TestParseConfigStructures(t *testing.T) {
	// capability is one of those bytes at 0x40, the only one.
	capability := func(bytes ...byte) []byte {
		out := config(256, 0x40, nil)
		copy(out[0x40:], bytes)
		return out
	}
	tests := map[string]struct {
		config []byte
		want   pci.Config
	}{
		"MSI":              {capability(5, 0, 1, 0), pci.Config{MSI: "MSI", Enabled: true}},
		"MSI that is off":  {capability(5, 0, 0xfe, 0xff), pci.Config{MSI: "MSI"}},
		"MSI cut":          {config(258-4, 0xfc, map[int]byte{0xfc: 5}), pci.Config{}},
		"MSI-X":            {capability(0x11, 0, 4, 0x80, 1, 0, 0, 0, 1, 8, 0, 0), pci.Config{MSI: "MSI-X", Enabled: true, Structures: []pci.Structure{{Kind: "MSI-X table", BAR: 1, Length: 80}, {Kind: "MSI-X pending bits", BAR: 1, Offset: 0x800, Length: 8}}}},
		"MSI-X cut":        {config(256, 0xf8, map[int]byte{0xf8: 0x11}), pci.Config{MSI: "MSI-X"}},
		"virtio common":    {capability(9, 0, 16, 1, 4, 0, 0, 0, 0, 0x10, 0, 0, 0, 0x20, 0, 0), pci.Config{Structures: []pci.Structure{{Kind: pci.VirtioCommon, BAR: 4, Offset: 0x1000, Length: 0x2000}}}},
		"virtio notify":    {capability(9, 0, 20, 2, 4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 4), pci.Config{Structures: []pci.Structure{{Kind: pci.VirtioNotify, BAR: 4, Length: 2, Multiplier: 4}}}},
		"notify too short": {capability(9, 0, 16, 2, 4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 4), pci.Config{Structures: []pci.Structure{{Kind: pci.VirtioNotify, BAR: 4, Length: 2}}}},
		"shared memory":    {capability(9, 0, 24, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4), pci.Config{Structures: []pci.Structure{{Kind: pci.VirtioMemory, BAR: 2, Offset: 3<<32 | 1, Length: 4<<32 | 2}}}},
		"the driver's":     {capability(9, 0, 20, 5, 3, 0, 0, 0, 1, 0, 0, 0, 2), pci.Config{Structures: []pci.Structure{{Kind: pci.VirtioAccess}}}},
		"anywhere":         {capability(9, 0, 20, 5, 0xff), pci.Config{Structures: []pci.Structure{{Kind: pci.VirtioAccess}}}},
		"too short":        {capability(9, 0, 15, 1, 4), pci.Config{}},
		"reserved BAR":     {capability(9, 0, 16, 1, 6), pci.Config{}},
		"unknown type":     {capability(9, 0, 16, 9, 1), pci.Config{}},
		"virtio cut":       {config(256, 0xf4, map[int]byte{0xf4: 9, 0xf6: 16, 0xf7: 1}), pci.Config{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := pci.ParseConfig(test.config, true)
			require.NoError(t, err)
			test.want.Capabilities = 1
			require.Equal(t, &test.want, got)
		})
	}
	got, err := pci.ParseConfig(capability(9, 0, 16, 1, 4), false)
	require.NoError(t, err)
	require.Empty(t, got.Structures, "a capability of another vendor's")
}

func TestParseConfigHeader(t *testing.T) {
	data := make([]byte, 64)
	data[0x08], data[0x0e], data[0x2e] = 1, 0x80, 4
	got, err := pci.ParseConfig(data, false)
	require.NoError(t, err)
	require.Equal(t, &pci.Config{Revision: 1, Subsystem: 4}, got, "a function of several")
	data[0x0e] = 1
	got, err = pci.ParseConfig(data, false)
	require.NoError(t, err)
	require.Equal(t, &pci.Config{Header: 1, Revision: 1}, got, "bridges have windows there")
}

func FuzzParseConfig(f *testing.F) {
	for _, files := range guesttest.All(f) {
		text, err := files.ReadFile("sys/bus/pci/devices/0000:00:01.0/config")
		if errors.Is(err, fs.ErrNotExist) { // a guest without PCI
			continue
		}
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add(extended(map[int]uint32{0x100: 0x10010001}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := pci.ParseConfig(data, true)
		if err != nil {
			require.Nil(t, got)
			return
		}
		require.LessOrEqual(t, got.Capabilities, 64)
		require.LessOrEqual(t, got.Extended, len(data)/4+1)
		require.False(t, got.Enabled && got.MSI == "")
		for _, s := range got.Structures {
			require.LessOrEqual(t, s.BAR, 7)
		}
	})
}
