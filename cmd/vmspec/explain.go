package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"vmspec/results/report"
	"vmspec/suite"
	"vmspec/suite/mutants"
)

//go:embed explain.yaml
var explainText []byte

// An explanation is what is said of a requirement beside the catalogue.
type explanation struct {
	Why   string            `yaml:"why"`
	Traps []string          `yaml:"traps"` // what is mistaken for meeting it
	Fix   map[string]string `yaml:"fix"`   // by explainedVMMs
}

// explainedVMMs are those for which a fix may be said, in order.
var explainedVMMs = []string{"QEMU", "Xen", "KVM", "elsewhere"}

// readExplanations reads the file of explanations.
func readExplanations(data []byte) (map[string]explanation, error) {
	in := yaml.NewDecoder(bytes.NewReader(data))
	in.KnownFields(true)
	var all map[string]explanation
	err := in.Decode(&all)
	return all, err
}

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain ID",
		Short: "Say why a requirement matters, how it is judged and how to fix it",
		Long: `Say of a requirement where it is asked, why it matters, how it is judged, what is
mistaken for meeting it, how to fix it, and what finds it. It is what "vmspec spec
ID" says.`,
		Args:              takes(1, 1, "the ID of a requirement, of those that \"vmspec spec\" lists"),
		ValidArgsFunction: completeIDs,
		RunE:              func(c *cobra.Command, args []string) error { return explainID(c.OutOrStdout(), args[0]) },
	}
}

// completeIDs completes the IDs of requirements.
func completeIDs(_ *cobra.Command, args []string, _ string) (ids []string, _ cobra.ShellCompDirective) {
	if len(args) == 0 {
		for _, r := range suite.Catalogue() {
			ids = append(ids, r.ID+"\t"+r.Title)
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// explainID says all that is known of a requirement.
func explainID(w io.Writer, id string) error {
	r, ok := suite.Find(id)
	if _, near := suite.Find(strings.ToUpper(id)); near && !ok {
		return fmt.Errorf("no requirement %q; it is called %s", id, strings.ToUpper(id))
	}
	if !ok {
		return fmt.Errorf("no requirement %q; vmspec spec lists them", id)
	}
	all, err := readExplanations(explainText)
	if err != nil {
		return errors.Join(errors.New("explain.yaml"), err)
	}
	return showSpec(w, r, all[id])
}

// showSpec says of a requirement what there is to say, a field a row.
func showSpec(w io.Writer, r suite.Requirement, e explanation) error {
	t := newTable()
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 2, WidthMax: 64, WidthMaxEnforcer: text.WrapSoft}})
	err := eachSpec(r, e, func(name, value string) { t.AppendRow(table.Row{name, value}) })
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, t.Render())
	return err
}

// eachSpec calls f for each field that there is of a requirement, in order.
func eachSpec(r suite.Requirement, e explanation, f func(name, value string)) error {
	row := func(name string, value any) {
		if s := fmt.Sprint(value); s != "" {
			f(name, s)
		}
	}
	row("ID", r.ID)
	row("title", r.Title)
	row("party", r.Subject)
	row("kind", r.Kind)
	for _, p := range suite.Profiles() {
		if clause, asked := r.Clauses.By(p); asked {
			row(string(p), fmt.Sprintf("%s, %s", clause.Level, place(r, p)))
		}
	}
	row("asked", r.Asked)
	row("why", e.Why)
	row("judged", r.How)
	for _, n := range r.Readings.All() {
		row(fmt.Sprintf("reading %d", n), suite.Reading(n))
	}
	row("rests on", r.RestsOn)
	row("explains", strings.Join(restingOn(r.ID), ", "))
	row("needs", strings.Join(append(append([]string{}, r.Needs...), r.Kernel...), " "))
	for _, trap := range e.Traps {
		row("trap", trap)
	}
	row("fix", r.Fix)
	for _, vmm := range explainedVMMs {
		row(vmm, e.Fix[vmm])
	}
	row("found by", foundBy(r))
	caught, err := caughtBy(r.ID)
	if err != nil {
		return err
	}
	for _, mutant := range caught {
		row("caught by", mutant)
	}
	row("see also", strings.Join(r.Refs, ", "))
	row("not judged", r.Untested)
	return nil
}

// caughtBy lists the mutants that a requirement must catch: a machine, an image or
// a log that is broken in one way.
func caughtBy(id string) (names []string, err error) {
	rows, err := mutants.CaughtBy(id)
	for _, r := range rows {
		name := r.Name
		if r.Live() {
			name += " (booted)"
		}
		names = append(names, name)
	}
	return names, err
}

// restingOn lists the requirements that cannot be met without one.
func restingOn(id string) (ids []string) {
	for _, r := range suite.Catalogue() {
		if r.RestsOn == id {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// foundBy is the command that judges a requirement alone or, of an image, with the
// others; empty for what one boot does not judge.
func foundBy(r suite.Requirement) string {
	switch {
	case r.Check == nil:
		return ""
	case r.Subject == report.Image && r.Kind == suite.Evidence:
		return "vmspec image check IMAGE"
	case r.Subject == report.Image:
		return "vmspec run qemu-image --image IMAGE"
	case r.Subject == report.GuestOS:
		return "vmspec image check --guest-os IMAGE"
	}
	return "vmspec run exec --append vmspec.only=" + r.ID + " -- MY-VMM ..."
}
