package probes

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest"
	"vmspec/probes/guest/guesttest"
)

var update = flag.Bool("update", false, "rewrite the golden facts of the captured guests")

// What is known of a captured guest is reviewed as a diff of its golden facts.
func TestGoldenFacts(t *testing.T) {
	for name, files := range guesttest.All(t) {
		t.Run(name, func(t *testing.T) {
			facts := Read(files)
			require.Empty(t, facts.Errors)
			got, err := json.MarshalIndent(facts, "", "  ")
			require.NoError(t, err)
			got = append(got, '\n')
			golden := filepath.Join("testdata", "guests", name+".facts.json")
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err, "run go test ./probes -update")
			expected, actual := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
			for i := range min(len(expected), len(actual)) {
				require.Equal(t, expected[i], actual[i], "line %d; the whole by go test ./probes -update", i+1)
			}
			require.Len(t, actual, len(expected))
		})
	}
}

// Facts go by no map's order: the same guest gives the same facts.
func TestReadIsTheSame(t *testing.T) {
	for name, files := range map[string]fs.FS{"nothing": fstest.MapFS{}, "a guest": guesttest.Open(t, "qemu-virt-gicv2")} {
		first, err := json.Marshal(Read(files))
		require.NoError(t, err)
		for range 8 {
			again, err := json.Marshal(Read(files))
			require.NoError(t, err)
			require.Equal(t, string(first), string(again), name)
		}
	}
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}

func TestReadHasNoFactsWithoutFiles(t *testing.T) {
	// These have an error for each witness, and answer always.
	const witnesses = "device entropy gic hotplug memory timer"
	all := slices.DeleteFunc(Subjects(), func(s string) bool { return strings.Contains(witnesses, s) })
	tests := map[string]struct {
		files fs.FS
		fail  []string
	}{
		// Absence is an answer, but each guest has a kernel, a CPU and a tty.
		"empty":         {fstest.MapFS{}, []string{"console", "cpu", "kernel", "psci"}},
		"nothing read":  {failingFS{errors.New("input/output error")}, append(all, "device")},
		"nothing known": {failingFS{guest.ErrNotCaptured}, append(all, "device")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			facts := Read(test.files)
			for _, text := range facts.Errors {
				require.NotContains(t, text, "panicked")
			}
			require.ElementsMatch(t, test.fail, slices.Collect(maps.Keys(facts.Errors)))
		})
	}
}

// A captured guest of which one file turned to junk: no panic, and it costs
// the facts of no more than a few subjects.
func TestReadJunk(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-gicv2")
	for _, name := range []string{
		"proc/cmdline", "proc/consoles", "proc/interrupts", "proc/iomem", "proc/self/mountinfo", "sys/firmware/fdt",
		"sys/devices/system/cpu/online", "sys/bus/virtio/devices/virtio0/features", "sys/bus/pci/devices/0000:00:01.0/config",
		"sys/firmware/acpi/tables/APIC", "sys/hypervisor/type", "vmspec/counter", "vmspec/clock", "vmspec/efi", "vmspec/kmsg",
		"vmspec/modules", "vmspec/parameters", "vmspec/timer", "lib/modules/6.1.0-56-arm64/config",
	} {
		for _, junk := range []string{"", "\n", " ", "error x", "\x00\xff\xfe", strings.Repeat("9 ", 1<<12), strings.Repeat("x", 1<<17)} {
			facts := Read(files.With(map[string][]byte{name: []byte(junk)}))
			// The tree is the only file that two subjects need, psci the second.
			require.LessOrEqual(t, len(facts.Errors), 2, "%s: %q", name, facts.Errors)
			for _, text := range facts.Errors {
				require.NotContains(t, text, "panicked", name)
			}
		}
	}
}

func TestSubjects(t *testing.T) {
	names := Subjects()
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(names))), len(names), "a name twice")
	// Every field of the facts but Errors belongs to one subject.
	require.Len(t, names, reflect.TypeFor[Facts]().NumField()-1)
	for _, name := range names {
		_, ok := reflect.TypeFor[Facts]().FieldByNameFunc(func(f string) bool { return strings.EqualFold(f, name) })
		require.True(t, ok, "%s fills no field", name)
	}
}

func TestReadEachLeavesOut(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-gicv2")
	want := Read(files)
	var asked []string
	got := ReadEach(files, func(subject string) error {
		if asked = append(asked, subject); subject == "gic" {
			return errors.New("hung for 5s")
		}
		return nil
	})
	require.Equal(t, Subjects(), asked)
	require.Nil(t, got.GIC)
	require.Equal(t, "hung for 5s", got.Errors["gic"])
	want.GIC = nil
	want.Errors["gic"] = "hung for 5s"
	require.Equal(t, want, got)
}

func TestReadSafely(t *testing.T) {
	s := subject{"test", func(fs.FS, *Facts) error { panic("out of range") }}
	require.EqualError(t, s.readSafely(nil, nil, func(string) error { return nil }), "probe panicked: out of range")
}

// Some subjects are read again; the others, and the facts before, stay as they are.
func TestReadAgain(t *testing.T) {
	files := guesttest.Open(t, "qemu-image")
	before := Read(files)
	files.AddFile("vmspec/disks", []byte("error hung for 15s\n"))
	files.AddError("sys/class/rtc", errors.New("EIO"))
	var asked []string
	after := ReadAgain(files, before, []string{"disk", "rtc"}, func(subject string) error {
		asked = append(asked, subject)
		return nil
	})
	require.Equal(t, []string{"rtc", "disk"}, asked)
	require.Empty(t, before.Errors)
	require.Same(t, before.FDT, after.FDT)
	require.NotEqual(t, before.Disk, after.Disk)
	again := ReadAgain(guesttest.Open(t, "qemu-image"), after, []string{"disk", "rtc"}, func(string) error { return nil })
	require.Equal(t, before, again)
	lost := ReadAgain(files, before, []string{"disk"}, func(string) error { return errors.New("hung") })
	require.Equal(t, map[string]string{"disk": "hung"}, lost.Errors)
}
