package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// checkStore refuses a store that no boot would get, or that cannot be copied.
func (f *execFlags) checkStore(mentioned bool) error {
	settings, err := checkAppend(f.append)
	if err != nil {
		return err
	}
	if err := f.checkBoots(settings, f.append, f.capture); err != nil {
		return err
	}
	switch {
	case f.store == "" && mentioned:
		return fmt.Errorf("%s: name the file with --store", placeStore)
	case f.store == "":
		return nil
	case f.boots == 1:
		return fmt.Errorf("--store %s: is for several boots: --boots 2", f.store)
	}
	info, err := os.Stat(f.store)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", f.store)
	}
	if err != nil {
		return fmt.Errorf("--store: %w", err)
	}
	return nil
}

// runSeries runs the command several times.
func (f *execFlags) runSeries(c *cobra.Command, command []string, told bool) error {
	dir, err := os.MkdirTemp("", "vmspec-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := series{watchFlags: &f.watchFlags, name: filepath.Base(command[0]), dir: dir, template: f.store}
	given := f.append // what is added may not reach a guest, of which no nonce is expected then
	s.boot = func(c *cobra.Command, w watchFlags) error {
		g := *f
		g.watchFlags, g.store = w, w.part.store
		g.append = strings.TrimSpace(w.part.parameters() + " " + given)
		return g.once(c, command, told, false)
	}
	return s.run(c)
}
