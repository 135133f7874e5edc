package fdt

import (
	"errors"
	"fmt"
	"io/fs"
)

// Path is where Linux shows the tree it was booted with (drivers/of/fdt.c).
const Path = "sys/firmware/fdt"

// A keeper is a file system that cannot change and keeps what was made of it.
type keeper interface {
	Keep(key string, make func() (any, error)) (any, error)
}

// Load reads and parses the guest's tree, which is not to be changed: it may be
// shared. A guest without one answers [fs.ErrNotExist]. Damage is no error: the
// tree says that it is [Tree.Broken], and holds what could be read.
func Load(fsys fs.FS) (*Tree, error) {
	k, ok := fsys.(keeper)
	if !ok {
		return load(fsys)
	}
	t, err := k.Keep(Path, func() (any, error) { return load(fsys) })
	if err != nil {
		return nil, err
	}
	return t.(*Tree), nil
}

func load(fsys fs.FS) (*Tree, error) {
	blob, err := fs.ReadFile(fsys, Path)
	if err != nil {
		return nil, err
	}
	t, err := Parse(blob)
	if errors.Is(err, errTooMany) {
		return nil, fmt.Errorf("parse %s: %w", Path, err)
	}
	return t, nil
}
