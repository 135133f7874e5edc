package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/results"
	"vmspec/results/publish"
	"vmspec/suite"
)

// siteFlags say where a site is made, and of what.
type siteFlags struct {
	out, mutants string
}

func newSite() *cobra.Command {
	var f siteFlags
	c := &cobra.Command{
		Use:   "site PUBLISHED -o DIR",
		Short: "Make a static site of published results",
		Long: `Make a static site of published results, as publish makes them: a table of
hypervisors by requirements for each profile, all reports with their logs, and a page
for each requirement with what "vmspec explain" says. The pages need no network and no
server. DIR is made, and what is in it of an earlier site is written anew.`,
		Args: takes(1, 1, "a directory with published folders"),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	c.Flags().StringVarP(&f.out, "output", "o", "", "`DIR` in which the site is made")
	c.Flags().StringVar(&f.mutants, "mutants", "", "`FILE` (JSON) with the matrix of mutants, as make mutants leaves it")
	return c
}

func (f *siteFlags) run(c *cobra.Command, dir string) error {
	if f.out == "" {
		return errors.New("site needs -o DIR")
	}
	folders, err := publish.Load(dir)
	switch {
	case err != nil:
		return err
	case len(folders) == 0:
		return fmt.Errorf("%s: no folder in it has %s", dir, publish.AboutFile)
	}
	s := results.Site{Tool: "vmspec " + suite.Version}
	for _, p := range suite.Profiles() {
		s.Profiles = append(s.Profiles, string(p))
	}
	for i := range folders {
		subject, err := siteSubject(c, &folders[i], s.Profiles)
		if err != nil {
			return err
		}
		s.Subjects = append(s.Subjects, subject)
	}
	if s.Requirements, err = siteRequirements(); err != nil {
		return err
	}
	if s.Mutants, err = f.readMutants(); err != nil {
		return err
	}
	return s.Write(f.put)
}

// put writes one page below the site's directory.
func (f *siteFlags) put(name string, page []byte) error {
	file := filepath.Join(f.out, filepath.FromSlash(name))
	if err := makeFolder("-o", file); err != nil {
		return err
	}
	return writeFile(file, page)
}

func (f *siteFlags) readMutants() (*results.SiteMutants, error) {
	if f.mutants == "" {
		return nil, nil
	}
	in, err := os.Open(f.mutants)
	if err != nil {
		return nil, fmt.Errorf("--mutants: %w", err)
	}
	defer in.Close()
	m, err := results.ReadMutants(in)
	if err != nil {
		return nil, fmt.Errorf("--mutants %s: %w", f.mutants, err)
	}
	return m, nil
}

// siteSubject reads the logs of a folder.
func siteSubject(c *cobra.Command, f *publish.Folder, profiles []string) (results.SiteSubject, error) {
	s := results.SiteSubject{Name: f.Name, Title: siteTitle(f.About), Verdicts: map[string]results.Entry{}, Facts: siteFacts(f.About)}
	var m mergeFlags
	var boots []results.Boot
	for _, l := range f.Logs {
		name := strings.TrimSuffix(l.Name, ".log")
		more, lost, err := m.bootsOf(c, l.Path, name)
		if err = errors.Join(err, errors.Join(lost...)); err != nil {
			return s, err
		}
		boots = append(boots, more...)
		entries, err := siteBoots(c, l.Path, name)
		if err != nil {
			return s, err
		}
		s.Boots = append(s.Boots, entries...)
	}
	for _, p := range profiles {
		merged, err := results.MergeOf(boots...).By(p)
		if err != nil {
			s.Verdicts[p] = results.Entry{Why: err.Error()}
			continue
		}
		addFixes(&merged.Report)
		s.Verdicts[p] = results.Entry{Report: titled(&merged.Report), Merged: merged}
	}
	return s, nil
}

// siteTitle is what tells a folder's machine from others.
func siteTitle(a publish.About) string {
	title := a.Hypervisor + " " + a.Version
	for _, more := range []string{a.Machine, strings.TrimPrefix(a.Firmware, "none")} {
		if more != "" {
			title += ", " + more
		}
	}
	return title
}

// siteFacts are what a folder says of itself.
func siteFacts(a publish.About) (facts []results.SiteFact) {
	for _, f := range []results.SiteFact{
		{Label: "machine", Value: a.Machine}, {Label: "firmware", Value: a.Firmware}, {Label: "architecture", Value: a.Arch},
		{Label: "host", Value: a.Host}, {Label: "guest's kernel", Value: a.Kernel}, {Label: "date", Value: a.Date},
		{Label: "command", Value: a.Command}, {Label: "notes", Value: a.Notes},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

// siteBoots are the reports of one log, with its lines around each point.
func siteBoots(c *cobra.Command, log, name string) ([]results.Entry, error) {
	var f reportFlags
	entries, err := f.entries(c, logFile{path: log, shown: name})
	for i := range entries {
		e := &entries[i]
		e.File, e.Report = filepath.Base(log), titled(e.Report)
	}
	return entries, err
}

// siteRequirements are what explain says, a field a fact.
func siteRequirements() (out []results.SiteRequirement, err error) {
	all, err := readExplanations(explainText)
	if err != nil {
		return nil, fmt.Errorf("explain.yaml: %w", err)
	}
	for _, r := range suite.Catalogue() {
		one := results.SiteRequirement{ID: r.ID, Title: r.Title}
		err := eachSpec(r, all[r.ID], func(name, value string) {
			if name != "ID" && name != "title" {
				one.Facts = append(one.Facts, results.SiteFact{Label: name, Value: value})
			}
		})
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}
