package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"vmspec/suite"
)

// newMan is the command that writes the manual pages, for who packs vmspec.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write a manual page for each command into a directory",
		Args:   takes(1, 1, "a directory"),
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			if err := makeFolder("man", args[0]+"/x"); err != nil {
				return err
			}
			root := c.Root()
			root.DisableAutoGenTag = true // the same version gives the same bytes
			return doc.GenManTree(root, &doc.GenManHeader{Title: "VMSPEC", Section: "1", Source: "vmspec " + suite.Version, Manual: "vmspec"}, args[0])
		},
	}
}
