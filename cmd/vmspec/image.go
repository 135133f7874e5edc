package main

import "github.com/spf13/cobra"

func newImage() *cobra.Command {
	c := &cobra.Command{
		Use:   "image",
		Short: "Disk images, which boot on every hypervisor",
		Args:  takes(0, 0, ""),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newImageBuild(), newImageCheck(), newImageBoot(), newImageLoader())
	return c
}
