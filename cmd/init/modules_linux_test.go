package main

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vmspec/probes/kernel"
)

// atHand are the modules of a guest, what they need and which devices ask for
// them.
func atHand() fstest.MapFS {
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		path.Join(moduleTree(), "modules.dep"): text("virtio.ko:\nvirtio_ring.ko: virtio.ko\nvirtio_pci.ko: virtio_ring.ko virtio.ko\n" +
			"virtio_mmio.ko: virtio_ring.ko virtio.ko\nvirtio_blk.ko: virtio_ring.ko virtio.ko\nvirtio_net.ko: gone.ko\nrtc-efi.ko:\nefivarfs.ko:\n"),
		path.Join(moduleTree(), "modules.alias"): text("alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\nalias virtio:d00000002v* virtio_blk\n" +
			"alias acpi*:LNRO0005:* virtio_mmio\nalias virtio:d00000001v* virtio_net\n"),
	}
}

const (
	onPCI     = "sys/bus/pci/devices/0000:00:01.0/modalias"
	onVirtio  = "sys/bus/virtio/devices/virtio0/modalias"
	netLacks  = "missing: virtio_net needs no module gone at hand"
	virtioPCI = "pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00\n"
)

func TestLoadModules(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	lost := errors.New("hung for 15s")
	for name, c := range map[string]struct {
		add    fstest.MapFS
		insert func(root fstest.MapFS, file string) error // what the kernel does
		lost   string
		files  string            // what was loaded, in order
		want   map[string]string // of those that are not idle, and are at hand
	}{
		"nothing asks": {want: map[string]string{"virtio_net": netLacks}},
		"UEFI": {add: fstest.MapFS{"sys/firmware/efi/systab": file("")}, files: "efivarfs.ko rtc-efi.ko",
			want: map[string]string{"efivarfs": "loaded", "rtc_efi": "loaded", "virtio_net": netLacks}},
		"a device behind a driver": {add: fstest.MapFS{onPCI: file(virtioPCI)},
			insert: func(root fstest.MapFS, name string) error {
				if name == "virtio_pci.ko" {
					root[onVirtio] = file("virtio:d00000002v00001AF4\n")
				}
				return nil
			},
			files: "virtio.ko virtio_ring.ko virtio_pci.ko virtio_blk.ko",
			want:  map[string]string{"virtio_pci": "loaded", "virtio_blk": "loaded", "virtio_net": netLacks}},
		"ACPI's, twice": {add: fstest.MapFS{"sys/bus/acpi/devices/LNRO0005:00/path": file(""), "sys/bus/acpi/devices/LNRO0005:01/path": file("")},
			files: "virtio.ko virtio_ring.ko virtio_mmio.ko", want: map[string]string{"virtio_mmio": "loaded", "virtio_net": netLacks}},
		"a device without what its driver needs": {add: fstest.MapFS{onVirtio: file("virtio:d00000001v00001AF4\n")},
			want: map[string]string{"virtio_net": netLacks}},
		"a driver that finds nothing": {add: fstest.MapFS{"sys/firmware/efi/systab": file("")},
			insert: func(_ fstest.MapFS, name string) error { return unix.ENODEV },
			files:  "efivarfs.ko rtc-efi.ko", want: map[string]string{"virtio_net": netLacks}},
		"a kernel that refuses": {add: fstest.MapFS{onPCI: file(virtioPCI)}, insert: func(fstest.MapFS, string) error { return unix.ENOEXEC },
			files: "virtio.ko", want: map[string]string{"virtio_pci": "missing: exec format error", "virtio_net": netLacks}},
		"one that a worker did not survive": {add: fstest.MapFS{onPCI: file(virtioPCI)}, lost: "virtio_pci",
			want: map[string]string{"virtio_pci": "missing: hung for 15s", "virtio_net": netLacks}},
	} {
		t.Run(name, func(t *testing.T) {
			root := atHand()
			for name, f := range c.add {
				root[name] = f
			}
			l := newLoader(root, func(module string) error {
				if module == c.lost {
					return lost
				}
				return nil
			})
			var files []string
			l.insertFile = func(name string) error {
				files = append(files, filepath.Base(name))
				if c.insert == nil {
					return nil
				}
				return c.insert(root, filepath.Base(name))
			}
			l.loadAll()
			require.Equal(t, c.files, strings.Join(files, " "))
			var n kernel.ModulesNote
			l.report(&n)
			got := map[string]string{}
			for _, name := range n.Loaded {
				got[name] = "loaded"
			}
			for _, m := range n.Missing {
				if m.Why != "no module "+m.Name+" at hand" {
					got[m.Name] = "missing: " + m.Why
				}
			}
			require.Equal(t, c.want, got)
			require.Len(t, kernel.Modules(), len(n.Loaded)+len(n.Idle)+len(n.Missing), "each is told of")
		})
	}
}

// Without a list of modules each is missing, for that reason.
func TestLoadModulesWithoutAList(t *testing.T) {
	var n kernel.ModulesNote
	l := newLoader(fstest.MapFS{}, func(string) error { return nil })
	l.loadAll()
	l.report(&n)
	require.Len(t, n.Missing, len(kernel.Modules()))
	for _, m := range n.Missing {
		require.Regexp(t, "^no list of modules: open .*modules.dep: file does not exist$", m.Why)
	}
}

func TestInsertFile(t *testing.T) {
	require.ErrorIs(t, insertFile(filepath.Join(t.TempDir(), "none.ko")), os.ErrNotExist)
	junk := filepath.Join(t.TempDir(), "junk.ko")
	require.NoError(t, os.WriteFile(junk, []byte("no module"), 0o600))
	require.Error(t, insertFile(junk)) // which one depends on who runs the test
}
