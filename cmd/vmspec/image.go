package main

import "github.com/spf13/cobra"

func newImage() *cobra.Command {
	c := &cobra.Command{
		Use:   "image",
		Short: "Disk images, which boot on every hypervisor",
	}
	c.AddCommand(newImageBuild(), newImageLoader())
	return c
}
