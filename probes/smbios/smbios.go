// Package smbios finds what the guest's firmware says of itself and of the
// machine by SMBIOS, without the numbers that tell one machine from another.
package smbios

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"vmspec/probes/note"
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
	var n Note
	err := note.Read(fsys, &n)
	f.Version, f.Entry, f.Structures = n.Version, n.Entry, map[int]uint64{}
	for _, s := range n.Structures {
		f.Structures[int(s.Type)] = s.Count
	}
	return err
}

// maxText is what the kernel shows of a string at most: a page.
const maxText = 4096

func (f *Facts) readTexts(fsys fs.FS) error {
	for _, t := range []struct {
		name string
		into *string
	}{
		{"bios_vendor", &f.BIOSVendor}, {"bios_version", &f.BIOSVersion}, {"bios_date", &f.BIOSDate},
		{"sys_vendor", &f.SystemVendor}, {"product_name", &f.Product},
	} {
		text, err := fs.ReadFile(fsys, path.Join(dir, t.name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if len(text) > maxText {
			return fmt.Errorf("%s: %d bytes, at most %d", t.name, len(text), maxText)
		}
		*t.into = strings.TrimSpace(string(text))
	}
	return nil
}
