package main

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vmspec/cmd/vmspec/internal/releases"
	"vmspec/cmd/vmspec/internal/target"
	"vmspec/suite"
)

func newChanges() *cobra.Command {
	return &cobra.Command{
		Use:   "changes",
		Short: "Say what changed since the last release",
		Long: `Say what changed since the last release, as Markdown: requirements, commands and
their flags, formats and targets that are new, changed or gone.`,
		Args: takes(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			was, err := releases.Before(suite.Version)
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.OutOrStdout(), releases.Text(was, record(), releases.Notes(suite.Version)))
			return err
		},
	}
}

// record is what a user sees of this version. Cobra's own commands are added to a root
// that runs, and are not in it.
func record() *releases.Record {
	r := &releases.Record{Version: suite.Version, Requirements: recordCatalogue()}
	recordCommand(r, newRoot())
	for _, t := range target.All() {
		r.Targets = append(r.Targets, releases.Target{Name: t.Name, About: t.Summary})
	}
	return r
}

func recordCatalogue() (all []releases.Requirement) {
	for _, q := range suite.Catalogue() {
		levels := map[string]string{}
		for _, p := range suite.Profiles() {
			if clause, asked := q.Clauses.By(p); asked {
				levels[string(p)] = string(clause.Level)
			}
		}
		all = append(all, releases.Requirement{
			ID: q.ID, Title: q.Title, Party: string(q.Subject), Kind: string(q.Kind), Levels: levels, Asked: q.Asked, Untested: q.Untested,
		})
	}
	return all
}

// recordCommand records a command that does something, its formats, and the commands
// below it. What is hidden is for no user.
func recordCommand(r *releases.Record, c *cobra.Command) {
	if c.Hidden {
		return
	}
	if c.Runnable() {
		name := c.CommandPath()
		command := releases.Command{Name: name, About: c.Short}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			_, about := pflag.UnquoteUsage(f)
			command.Flags = append(command.Flags, releases.Flag{Name: f.Name, About: about, Default: strings.TrimPrefix(f.DefValue, "[]")})
		})
		r.Commands = append(r.Commands, command)
		for _, format := range formatsOf(c) {
			recordFormat(r, format, name)
		}
	}
	for _, below := range c.Commands() {
		recordCommand(r, below)
	}
}

// formatsOf are those that a shell completes --format by.
func formatsOf(c *cobra.Command) []string {
	complete, ok := c.GetFlagCompletionFunc("format")
	if !ok {
		return nil
	}
	names, _ := complete(c, nil, "")
	return names
}

func recordFormat(r *releases.Record, format, command string) {
	at := slices.IndexFunc(r.Formats, func(f releases.Format) bool { return f.Name == format })
	if at < 0 {
		at = len(r.Formats)
		r.Formats = append(r.Formats, releases.Format{Name: format})
	}
	r.Formats[at].Commands = append(r.Formats[at].Commands, command)
}
