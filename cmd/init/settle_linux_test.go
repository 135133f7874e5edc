package main

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes/disk"
)

// laterFS is a guest in which a terminal appears at some time.
type laterFS struct {
	fstest.MapFS
	at time.Time
}

func (f laterFS) Stat(name string) (fs.FileInfo, error) {
	if name == "sys/class/tty/hvc0" && !time.Now().Before(f.at) {
		return fs.Stat(f.MapFS, "sys")
	}
	return nil, fs.ErrNotExist
}

// A virtio console is waited for, as long as it may take and no longer.
func TestSettle(t *testing.T) {
	device := func(id string) fstest.MapFS {
		return fstest.MapFS{"sys/bus/virtio/devices/virtio0/device": {Data: []byte(id + "\n")}, "sys/bus/virtio/devices/virtio0/vendor": {Data: []byte("0x1af4\n")},
			"sys/bus/virtio/devices/virtio0/status": {Data: []byte("0x0000000f\n")}, "sys/bus/virtio/devices/virtio0/features": {Data: []byte("0\n")}}
	}
	for name, c := range map[string]struct {
		root  fstest.MapFS
		after time.Duration
		want  time.Duration
	}{
		"no device":               {fstest.MapFS{}, time.Hour, 0},
		"a disk":                  {device("0x0002"), time.Hour, 0},
		"a console that is there": {device("0x0003"), 0, 0},
		"a console that is late":  {device("0x0003"), 90 * time.Millisecond, 100 * time.Millisecond},
		"a console that has none": {device("0x0003"), time.Hour, settleLimit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := observed(t, false)
				o.root = laterFS{c.root, time.Now().Add(c.after)}
				began := time.Now()
				o.settle()
				require.Equal(t, c.want, time.Since(began))
			})
		})
	}
}

// Something is changed in our own guest alone, and not where that is forbidden.
func TestMayChange(t *testing.T) {
	for name, c := range map[string]struct {
		pid1       bool
		parameters string // by SMBIOS
		line       string // the kernel's
		want       bool
	}{
		"a program":             {false, "", "", false},
		"our guest":             {true, "", "quiet", true},
		"forbidden by the line": {true, "", "vmspec.readonly", false},
		"forbidden by SMBIOS":   {true, "vmspec.readonly", "", false},
		"allowed again":         {true, "vmspec.readonly", "vmspec.readonly=0", true},
	} {
		o := observed(t, false)
		o.pid1, o.root = c.pid1, fstest.MapFS{"proc/cmdline": {Data: []byte(c.line)}}
		o.notes["parameters"] = []byte(c.parameters + "\n")
		require.Equal(t, c.want, o.mayChange(), name)
	}
}

// Where a sleep would not end nothing waits, and each says so.
func TestWaiting(t *testing.T) {
	for name, c := range map[string]struct {
		dead bool
		lost string
		want string
	}{
		"a timer":      {false, "", "open vda ok\n"},
		"a dead timer": {true, "", "error not tried: the timer is dead\n"},
		"lost before":  {false, "trial disks", "error hung for 15s\n"},
	} {
		o := observed(t, c.dead)
		o.lost = map[string]string{c.lost: "hung for 15s"}
		var n disk.Note
		o.waiting(&n, func() error {
			n.Disks = []disk.Trial{{Name: "vda", Open: "ok"}}
			return nil
		})
		require.Equal(t, c.want, string(o.notes["disks"]), name)
	}
}

// The clock's trial that ran beside is waited for; with a dead timer there is
// none, and one that must be alone is made at the end.
func TestEndClock(t *testing.T) {
	text := make(chan []byte, 1)
	text <- []byte("a line\n")
	o := observed(t, false)
	o.journal.step.beside.Store(1)
	o.endClock(text)
	require.Equal(t, "a line\n", string(o.notes["clock"]))
	require.Zero(t, o.journal.step.beside.Load())
	records, err := o.journal.records()
	require.NoError(t, err)
	require.Equal(t, []record{{kindNote, "clock", []byte("a line\n")}}, records)

	o = observed(t, true)
	o.endClock(nil)
	require.Equal(t, "error not tried: the timer is dead\n", string(o.notes["clock"]))

	o = observed(t, false)
	o.kept = map[string][]byte{"clock": []byte("kept\n")}
	o.endClock(nil)
	require.Equal(t, "kept\n", string(o.notes["clock"]))
}

// An answer that could not be asked for is an error of the note, once.
func TestEndInput(t *testing.T) {
	o := observed(t, false)
	o.root = fstest.MapFS{}
	o.endInput(nil, errors.New("no terminal"))
	require.Empty(t, o.notes, "a program asks nobody")
	o.pid1 = true
	o.endInput(nil, errors.New("no terminal"))
	require.Equal(t, "error no terminal\n", string(o.notes["input"]))
	o.endInput(nil, nil)
	require.Equal(t, "error no terminal\n", string(o.notes["input"]))
}
