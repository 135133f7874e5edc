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
	Present bool
	Note
	TablesErr string // why the tables could not be read

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
	if err := note.Read(fsys, &f.Note); err != nil {
		f.TablesErr = err.Error()
	}
	return f, f.readTexts(fsys)
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
