package main

import (
	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/suite"
)

// addCompletions lets a shell complete, of a command and those below it, what
// cobra does not know.
func addCompletions(c *cobra.Command) {
	if c.Flags().Lookup("profile") != nil {
		_ = c.RegisterFlagCompletionFunc("profile", profileNames) // the flag is there
	}
	if path := c.CommandPath(); path == "vmspec run" || path == "vmspec doctor" {
		c.ValidArgsFunction = targetNames
	}
	for _, below := range c.Commands() {
		addCompletions(below)
	}
}

// targetNames are what run takes.
func targetNames(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	for _, t := range target.All() {
		if len(args) == 0 {
			names = append(names, t.Name+"\t"+t.Summary)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// formatNames are what --format takes.
func formatNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	names := []string{"text", "tap"}
	for _, d := range documents {
		names = append(names, d.name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// profileNames are what --profile takes.
func profileNames(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
	for _, p := range suite.Profiles() {
		names = append(names, string(p))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
