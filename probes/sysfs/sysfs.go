// Package sysfs reads what most directories and files of sysfs look like.
package sysfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Names lists a directory's names in order. There are none where there is no
// such directory: the kernel has no such bus or class.
func Names(fsys fs.FS, dir string) ([]string, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out, err
}

// A Device is a directory of a class whose device has a driver.
type Device struct{ Name, Driver string }

// Driven lists those of a class in order. Others, such as lo or a RAM disk, have no
// device.
func Driven(fsys fs.FS, class string) (out []Device, err error) {
	names, err := Names(fsys, class)
	for _, name := range names {
		driver, err := fs.ReadLink(fsys, path.Join(class, name, "device/driver"))
		if err == nil {
			out = append(out, Device{name, path.Base(driver)})
		}
	}
	return out, err
}

// Number reads a file that holds one number of so many bits: decimal, or
// hexadecimal with 0x before it.
func Number(fsys fs.FS, name string, bits int) (uint64, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 0, bits)
	if err != nil {
		return 0, fmt.Errorf("parse %s: %.80q is not a number", name, text)
	}
	return n, nil
}
