package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/suite"
)

func newTargets() *cobra.Command {
	return &cobra.Command{
		Use:   "targets",
		Short: "List the targets that run can start",
		Args:  takes(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			t := newTable()
			for _, each := range target.All() {
				t.AppendRow(table.Row{each.Name, each.Summary})
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), t.Render())
			return err
		},
	}
}

// newTable is a plain table: columns and nothing around them.
func newTable() table.Writer {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	return t
}

func newSpec() *cobra.Command {
	var profile string
	c := &cobra.Command{
		Use:   "spec [ID]",
		Short: "List the requirements, or show one in full",
		Args:  takes(0, 1, ""),
		RunE: func(c *cobra.Command, args []string) error {
			settings := suite.ParseSettings(map[string]string{"profile": profile})
			if len(settings.Problems) > 0 {
				return fmt.Errorf("--profile %s: the profiles are %v", profile, suite.Profiles())
			}
			if len(args) == 0 {
				return listSpec(c.OutOrStdout(), settings.Profile)
			}
			r, ok := suite.Find(args[0])
			if !ok {
				return fmt.Errorf("no requirement %q; vmspec spec lists them", args[0])
			}
			return showSpec(c.OutOrStdout(), r)
		},
	}
	c.Flags().StringVar(&profile, "profile", string(suite.RFCv2), "which text of the specification")
	return c
}

func listSpec(w io.Writer, profile suite.Profile) error {
	t := newTable()
	t.AppendHeader(table.Row{"ID", "level", "judged", "clause"})
	style := *t.Style()
	style.Format.Header = text.FormatDefault
	style.Box.PaddingRight = " " // so that it fits 80 columns
	t.SetStyle(style)
	for _, r := range suite.Catalogue() {
		clause, asked := r.Clauses.By(profile)
		if !asked {
			continue
		}
		judged := "yes"
		if r.Check == nil {
			judged = r.Untested
		}
		t.AppendRow(table.Row{r.ID, clause.Level, judged, place(clause)})
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

// place says where a clause stands.
func place(c suite.Clause) string { return cmp.Or(c.String(), "beyond the text") }

func showSpec(w io.Writer, r suite.Requirement) error {
	t := newTable()
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 2, WidthMax: 64, WidthMaxEnforcer: text.WrapSoft}})
	row := func(name string, value any) {
		if s := fmt.Sprint(value); s != "" {
			t.AppendRow(table.Row{name, s})
		}
	}
	row("ID", r.ID)
	row("title", r.Title)
	row("party", r.Subject)
	row("kind", r.Kind)
	for _, p := range suite.Profiles() {
		if clause, asked := r.Clauses.By(p); asked {
			row(string(p), fmt.Sprintf("%s, %s", clause.Level, place(clause)))
		}
	}
	row("needs", strings.Join(append(append([]string{}, r.Needs...), r.Kernel...), " "))
	row("fix", r.Fix)
	row("see also", strings.Join(r.Refs, ", "))
	row("not judged", r.Untested)
	_, err := fmt.Fprintln(w, t.Render())
	return err
}
