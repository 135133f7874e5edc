package main

import (
	"embed"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// pages are help on what belongs to no one command: vmspec help NAME.
//
//go:embed help/*.txt
var pages embed.FS

// pageNames are the pages, in the order in which help lists them.
var pageNames = []struct{ name, short string }{
	{"report", "How to read a report"},
	{"parameters", "What the suite in the guest can be told"},
	{"image", "Disk images: to judge yours, and to boot ours"},
	{"farm", "Unattended, with any VMM"},
	{"hotplug", "What a guest needs of its host: to plug, to pause, to type"},
	{"kernel", "A kernel of your own, and AArch32"},
	{"contribute", "To add a requirement, and to make a release"},
}

// newHelp is the help command, which knows the pages beside the commands.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND | PAGE]",
		Short: "Help on a command, or a page on a subject",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if page, err := pages.ReadFile("help/" + args[0] + ".txt"); err == nil {
					_, err := c.OutOrStdout().Write(page)
					return err
				}
			}
			command, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return fmt.Errorf("no command or page is called %q: vmspec help lists them", strings.Join(args, " "))
			}
			return command.Help()
		},
	}
}

// listPages is what help says of the pages.
func listPages() string {
	text := "Pages (vmspec help PAGE):\n"
	for _, p := range pageNames {
		text += fmt.Sprintf("  %-11s %s\n", p.name, p.short)
	}
	return text
}
