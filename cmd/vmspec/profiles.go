package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"vmspec/results"
	"vmspec/suite"
)

// profilesFlag are the profiles by which reports are judged; none stands for the
// guest's own.
type profilesFlag []string

func (p *profilesFlag) register(c *cobra.Command, instead string) {
	c.Flags().StringSliceVar((*[]string)(p), "profile", nil, "judge by these `PROFILES`, with commas between, and not by "+instead)
}

// check refuses profiles that do not exist, or that cannot be printed together.
// Several are text, unless that was not asked.
func (p profilesFlag) check(o *outputFlags) error {
	for i, name := range p {
		if name == "" {
			return fmt.Errorf("--profile: a name is empty: the profiles are %v", suite.Profiles())
		}
		if err := checkProfile(name); err != nil {
			return err
		}
		if slices.Contains(p[:i], name) {
			return fmt.Errorf("--profile %s: named twice", name)
		}
	}
	if !p.several() {
		return nil
	}
	if o.format == "tap" {
		return fmt.Errorf("--format tap holds one profile, not %d", len(p))
	}
	o.format = cmp.Or(o.format, "text")
	return nil
}

// several tells whether there is more than one verdict to print.
func (p profilesFlag) several() bool { return len(p) > 1 }

// one returns the report by the only profile, if exactly one was named, else the
// report as it is.
func (p profilesFlag) one(r *results.Report, name string) (*results.Report, error) {
	if len(p) != 1 {
		return r, nil
	}
	return by(r, p[0], name)
}

// each returns the report by each of several profiles.
func (p profilesFlag) each(r *results.Report, name string) (all []*results.Report, err error) {
	for _, profile := range p {
		other, err := by(r, profile, name)
		if err != nil {
			return nil, err
		}
		all = append(all, other)
	}
	return all, nil
}

// finishBy prints a whole report by the profiles, and returns the worst verdict.
func (o *outputFlags) finishBy(w io.Writer, name string, report *results.Report, profiles profilesFlag) error {
	if !profiles.several() {
		return o.finish(w, name, report)
	}
	all, err := profiles.each(report, name)
	if err != nil {
		return err
	}
	return o.finishEach(w, name, all)
}

// finishEach prints what one boot is by several profiles, and returns the worst
// verdict.
func (o *outputFlags) finishEach(w io.Writer, name string, all []*results.Report) error {
	for _, r := range all {
		complete(r)
		o.waivers.apply(r, name)
	}
	if o.isDocument() {
		var entries []results.Entry
		for _, r := range all {
			entries = append(entries, results.Entry{Name: name, Report: r})
		}
		return o.write(w, entries...)
	}
	if _, err := io.WriteString(w, o.page(w, name).OfProfiles(all)); err != nil {
		return err
	}
	if c, _ := results.Worst(all, o.strict).Conclude(o.strict); c.ExitStatus() != 0 {
		return verdict(c)
	}
	return nil
}

// entries are those of a document by each of several profiles.
func (p profilesFlag) entries(given []results.Entry) (all []results.Entry, err error) {
	if !p.several() {
		return given, nil
	}
	for _, e := range given {
		if e.Report == nil {
			all = append(all, e)
			continue
		}
		reports, err := p.each(e.Report, e.Name)
		if err != nil {
			return nil, err
		}
		for _, r := range reports {
			complete(r)
			e.Report = r
			all = append(all, e)
		}
	}
	return all, nil
}
