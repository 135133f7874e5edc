package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/target"
)

// launchSeries starts a target several times. Its image is a copy, which keeps what
// the boots write.
func (f *runFlags) launchSeries(c *cobra.Command, t target.Target, dir string) error {
	s := series{watchFlags: &f.watchFlags, name: t.Name, dir: dir, template: f.Vars, image: t.Image}
	if t.Image {
		image := filepath.Join(dir, "image.img")
		if err := copySparsely(f.Image, image); err != nil {
			return fmt.Errorf("copy %s: %w", f.Image, err)
		}
		f.Image, f.Keep = image, true
	}
	given := f.append
	s.boot = func(c *cobra.Command, w watchFlags) error {
		g := *f
		g.watchFlags, g.Reset = w, w.part.resets > 0
		if g.Vars = w.part.store; !t.UBoot { // to whose guests nothing can be said
			g.append = strings.TrimSpace(w.part.parameters() + " " + given)
		}
		return g.launch(c, t, f.chosen.Nonce)
	}
	return s.run(c)
}
