// Package smbios finds what the guest's firmware says of itself and of the
// machine by SMBIOS, without the numbers that tell one machine from another.
package smbios

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"

	"github.com/prometheus/procfs/sysfs"

	"vmspec/probes/note"
	"vmspec/probes/sysroot"
)

// Facts are about SMBIOS. Without Present the rest is empty.
type Facts struct {
	Present    bool
	Version    string         // 3.0.0; empty with an error where the tables could not be read
	Entry      uint64         // bits of the entry point, 32 or 64
	Structures map[int]uint64 // how many there are of each type: SMBIOS 3.6, section 7
	TablesErr  string

	BIOSVendor, BIOSVersion, BIOSDate string
	SystemVendor, Product             string
}

const dir = "sys/class/dmi/id"

// texts are the files that a capture holds: no serial number, UUID or tag.
var texts = []string{"bios_vendor", "bios_version", "bios_date", "sys_vendor", "product_name"}

// Read finds the facts out. A guest without SMBIOS is an answer.
func Read(fsys fs.FS) (*Facts, error) {
	_, err := fs.Stat(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Facts{}, nil
	}
	if err != nil {
		return nil, err
	}
	f := &Facts{Present: true}
	if err := f.readTables(fsys); err != nil {
		f.TablesErr = err.Error()
	}
	return f, f.readTexts(fsys)
}

func (f *Facts) readTables(fsys fs.FS) error {
	lines, noteErr := note.Read(fsys, "smbios")
	f.Structures = map[int]uint64{}
	for _, l := range lines {
		switch l.Word(0) {
		case "version":
			f.Version = l.Word(1)
		case "entry":
			var err error
			if f.Entry, err = l.Uint(1); err != nil {
				return fmt.Errorf("vmspec/smbios: %w", err)
			}
		case "structures":
			kind, kindErr := strconv.ParseUint(l.Word(1), 10, 8)
			n, countErr := l.Uint(2)
			if err := errors.Join(kindErr, countErr); err != nil {
				return fmt.Errorf("vmspec/smbios: %w", err)
			}
			f.Structures[int(kind)] = n
		}
	}
	return noteErr
}

func (f *Facts) readTexts(fsys fs.FS) error {
	var patterns []string
	for _, t := range texts {
		patterns = append(patterns, path.Join(dir, t))
	}
	return sysroot.With(fsys, patterns, func(root string) error {
		sys, err := sysfs.NewFS(filepath.Join(root, "sys"))
		if err != nil {
			return err
		}
		dmi, err := sys.DMIClass()
		if err != nil {
			return err
		}
		for _, t := range []struct{ into, from *string }{
			{&f.BIOSVendor, dmi.BiosVendor}, {&f.BIOSVersion, dmi.BiosVersion}, {&f.BIOSDate, dmi.BiosDate},
			{&f.SystemVendor, dmi.SystemVendor}, {&f.Product, dmi.ProductName},
		} {
			if t.from != nil {
				*t.into = *t.from
			}
		}
		return nil
	})
}
