package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/console"
	"vmspec/probes/guest/guesttest"
	"vmspec/suite"
)

func TestTerminals(t *testing.T) {
	terminal := func(names ...string) *probes.Facts {
		var f console.Facts
		for _, name := range names {
			f.Terminals = append(f.Terminals, console.Terminal{Name: name})
		}
		return &probes.Facts{Console: &f}
	}
	for _, c := range []struct {
		name  string
		facts *probes.Facts
		want  []string
	}{
		{"consoles that could not be read", &probes.Facts{}, []string{"/dev/console"}},
		{"none", terminal(), []string{"/dev/console"}},
		{"UARTs before what nobody may drain", terminal("hvc0", "hvc1", "ttyAMA0", "ttyS0"),
			[]string{"/dev/ttyAMA0", "/dev/ttyS0", "/dev/hvc0", "/dev/hvc1"}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, terminals(c.facts)) })
	}
}

// A report goes to a device whole, one line after the other.
func TestPrintOn(t *testing.T) {
	lines := suite.Judge(probes.Read(guesttest.Open(t, "qemu-virt-gicv2"))).Wire()
	name := filepath.Join(t.TempDir(), "console")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	require.NoError(t, printOn(name, lines, false))
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, strings.Join(lines, "\n")+"\n", string(got))
	require.ErrorContains(t, printOn(filepath.Join(t.TempDir(), "none"), lines, false), "no such file")
}

func TestWithin(t *testing.T) {
	text := make(chan []byte, 1)
	require.Equal(t, "error no end after 1ms\n", string(within(time.Millisecond, text)))
	text <- []byte("counter cntvct 1\n")
	require.Equal(t, "counter cntvct 1\n", string(within(time.Minute, text)))
}
