package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
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
	var profile, format string
	var readings bool
	c := &cobra.Command{
		Use:   "spec [ID]",
		Short: "List the requirements, or show one in full",
		Long: `List the requirements, or show one in full, as "vmspec explain ID" does: where it
is asked, why it matters, how it is judged, and how to fix it.`,
		Args:              takes(0, 1, ""),
		ValidArgsFunction: completeIDs,
		RunE: func(c *cobra.Command, args []string) error {
			settings := suite.ParseSettings(map[string]string{"profile": profile})
			list, known := specFormats[format]
			switch {
			case len(settings.Problems) > 0:
				return fmt.Errorf("--profile %s: the profiles are %v", profile, suite.Profiles())
			case !known:
				return fmt.Errorf("--format %s: the formats are text and markdown", format)
			case readings && len(args) > 0:
				return errors.New("--readings lists all readings; name no requirement")
			case readings:
				return listReadings(c.OutOrStdout())
			case len(args) == 0:
				return list(c.OutOrStdout(), settings.Profile)
			}
			return explainID(c.OutOrStdout(), args[0])
		},
	}
	c.Flags().StringVar(&profile, "profile", string(suite.RFCv2), "which text of the specification")
	c.Flags().StringVar(&format, "format", "text", "of the list: text or markdown")
	_ = c.RegisterFlagCompletionFunc("format", completed("text", "markdown")) // it was just registered
	c.Flags().BoolVar(&readings, "readings", false, "list how loose sentences are read, by number")
	return c
}

// specFormats are the forms of the list.
var specFormats = map[string]func(io.Writer, suite.Profile) error{"text": listSpec, "markdown": markdownSpec}

func listSpec(w io.Writer, profile suite.Profile) error {
	t := newTable()
	t.AppendHeader(table.Row{"ID", "level", "title"})
	style := *t.Style()
	style.Format.Header = text.FormatDefault
	style.Box.PaddingRight = " " // so that it fits 80 columns
	t.SetStyle(style)
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 3, WidthMax: 38, WidthMaxEnforcer: text.WrapSoft}})
	for _, r := range suite.Catalogue() {
		if clause, asked := r.Clauses.By(profile); asked {
			t.AppendRow(table.Row{r.ID, clause.Level, r.Title})
		}
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

// listReadings lists how sentences are read that are loose.
func listReadings(w io.Writer) error {
	t := newTable()
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 2, WidthMax: 72, WidthMaxEnforcer: text.WrapSoft}})
	for n := 1; n <= suite.ReadingCount(); n++ {
		t.AppendRow(table.Row{n, suite.Reading(n)})
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

// markdownSpec writes the requirements as a page: a table by chapter.
func markdownSpec(w io.Writer, profile suite.Profile) error {
	t := newMarkdown(w)
	t.printf("# ARM VM System Specification, %s: what is judged\n\nvmspec %s, catalogue %s.\n", profile, suite.Version, suite.CatalogueHash())
	section := ""
	for _, r := range suite.Catalogue() {
		clause, asked := r.Clauses.By(profile)
		if !asked {
			continue
		}
		if name := cmp.Or(clause.Section, "Beyond the text"); name != section {
			section = name
			t.printf("\n## %s\n\n| sentence | requirement | level | party | judged by | |\n|---|---|---|---|---|---|\n", name)
		}
		sentence := ""
		if clause.Number > 0 {
			sentence = fmt.Sprint(clause.Number)
		}
		judged := string(r.Kind)
		if r.Check == nil {
			judged = "not yet: " + r.Untested
		}
		t.printf("| %s | %s | %s | %s | %s | %s |\n", sentence, r.ID, clause.Level, r.Subject, judged, r.Title)
	}
	t.readings(profile)
	return t.err
}

// A markdown writer keeps its first error.
type markdown struct {
	w   io.Writer
	err error
}

func newMarkdown(w io.Writer) *markdown { return &markdown{w: w} }

func (m *markdown) printf(format string, args ...any) {
	if m.err == nil {
		_, m.err = fmt.Fprintf(m.w, format, args...)
	}
}

// readings writes how the profile is read where it is loose, and what rests on
// that.
func (m *markdown) readings(p suite.Profile) {
	m.printf("\n## Readings\n\n| reading | text | requirements |\n|---|---|---|\n")
	for n := 1; n <= suite.ReadingCount(); n++ {
		if ids := restOn(n, p); len(ids) > 0 {
			m.printf("| %d | %s | %s |\n", n, suite.Reading(n), strings.Join(ids, " "))
		}
	}
}

// restOn lists the requirements that a profile asks by a reading.
func restOn(reading int, p suite.Profile) (ids []string) {
	for _, r := range suite.Catalogue() {
		if slices.Contains(r.Readings.By(p), reading) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// place says where a profile asks a requirement.
func place(r suite.Requirement, p suite.Profile) string {
	return cmp.Or(r.ClauseBy(p), "beyond the text")
}
