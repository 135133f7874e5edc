package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest"
	"vmspec/probes/guest/guesttest"
	"vmspec/results"
	"vmspec/suite"
)

// consoles are files that stand for devices.
func consoles(t *testing.T, names ...string) (devices []string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		devices = append(devices, filepath.Join(dir, name))
		require.NoError(t, os.WriteFile(devices[len(devices)-1], nil, 0o600))
	}
	return devices
}

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(b)
}

// observed is an observation of nothing, with a dead timer or not.
func observed(t *testing.T, dead bool) *observation {
	t.Helper()
	j, err := newJournal()
	require.NoError(t, err)
	o := &observation{worker: &worker{journal: j}, dead: dead, notes: map[string][]byte{}}
	o.host.say = silent
	o.chooseBase()
	return o
}

// Every device gets the lines, whether a sleep ends or not, and one that cannot
// be opened keeps them from none.
func TestPublish(t *testing.T) {
	for name, dead := range map[string]bool{"a timer": false, "a dead timer": true} {
		t.Run(name, func(t *testing.T) {
			devices := consoles(t, "ttyAMA0", "hvc0")
			publish([]string{"one", "two"}, append([]string{filepath.Join(t.TempDir(), "none")}, devices...), observed(t, dead))
			for _, device := range devices {
				require.Equal(t, "one\ntwo\n", text(t, device))
			}
		})
	}
}

// The capture leaves by the console as frames that can be read again.
func TestGiveAwayOnTheConsole(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-gicv2")
	devices := consoles(t, "ttyAMA0")
	observed(t, true).giveAway(files, suite.Settings{Capture: "console", Nonce: "7f3a9c21"}, devices)
	var p results.Parser
	for line := range strings.Lines(text(t, devices[0])) {
		p.Line(strings.TrimSuffix(line, "\n"))
	}
	capture, err := p.Capture()
	require.NoError(t, err)
	again, err := guest.ReadCapture(bytes.NewReader(capture))
	require.NoError(t, err)
	var want, got bytes.Buffer
	require.NoError(t, files.WriteCapture(&want))
	require.NoError(t, again.WriteCapture(&got))
	require.Equal(t, want.Bytes(), got.Bytes())
}

// Otherwise nothing goes to a console, and a machine without the port is fine.
func TestGiveAwayElsewhere(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-gicv2")
	for _, how := range []string{"none", "port"} {
		devices := consoles(t, "ttyAMA0")
		observed(t, how == "none").giveAway(files, suite.Settings{Capture: how}, devices)
		require.Empty(t, text(t, devices[0]), how)
	}
}

func TestShipTo(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-gicv2")
	port := consoles(t, "vport0p1")[0]
	require.NoError(t, shipTo(port, files))
	_, err := guest.ReadCapture(strings.NewReader(text(t, port)))
	require.NoError(t, err)
	require.ErrorIs(t, shipTo(filepath.Join(t.TempDir(), "none"), files), os.ErrNotExist)
}
