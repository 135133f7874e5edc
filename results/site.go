package results

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
)

// A Site is published results as static pages: a table of hypervisors by
// requirements for each profile, all reports of each hypervisor, and a page for each
// requirement. They need no network and lead to each other alone.
type Site struct {
	Tool         string
	Profiles     []string // the first is that of index.html
	Subjects     []SiteSubject
	Requirements []SiteRequirement
	Mutants      *SiteMutants // nil for none
}

// A SiteSubject is a hypervisor of a version. Its name is part of addresses.
type SiteSubject struct {
	Name, Title string
	Facts       []SiteFact
	Verdicts    map[string]Entry // by profile
	Boots       []Entry
}

// A SiteFact is a word and what belongs to it.
type SiteFact struct{ Label, Value string }

// A SiteRequirement is what is said of a requirement. Its ID is part of addresses.
type SiteRequirement struct {
	ID, Title string
	Facts     []SiteFact
}

// SiteMutants say which requirement catches which mutants.
type SiteMutants struct {
	Catalogue string              `json:"catalogue"`
	CaughtBy  map[string][]string `json:"caught_by"`
	Uncaught  []string            `json:"uncaught"` // requirements that catch none
}

// maxMutants bounds the file of mutants, in bytes.
const maxMutants = 64 << 20

// ReadMutants reads what make mutants leaves.
func ReadMutants(r io.Reader) (*SiteMutants, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxMutants+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxMutants:
		return nil, fmt.Errorf("more than %d MiB: these are no mutants", maxMutants>>20)
	}
	var m SiteMutants
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("not the matrix of mutants: %w", err)
	}
	if len(m.CaughtBy) == 0 {
		return nil, errors.New("not the matrix of mutants: it has no caught_by")
	}
	for _, id := range slices.Concat(slices.Collect(maps.Keys(m.CaughtBy)), m.Uncaught) {
		if !isID.MatchString(id) {
			return nil, fmt.Errorf("not the matrix of mutants: %q is no ID", clip(id))
		}
	}
	return &m, nil
}

// Write gives each page to put, by its name within the site.
func (s *Site) Write(put func(name string, page []byte) error) error {
	for _, profile := range s.Profiles {
		if err := s.put(put, s.table(profile), "page", s.tablePage(profile)); err != nil {
			return err
		}
	}
	for i := range s.Subjects {
		if err := s.put(put, reportPage(s.Subjects[i].Name), "page", s.bootsPage(&s.Subjects[i])); err != nil {
			return err
		}
	}
	for i := range s.Requirements {
		r := &s.Requirements[i]
		if err := s.put(put, requirementPage(r.ID), "requirement", s.requirement(r)); err != nil {
			return err
		}
	}
	if s.Mutants == nil {
		return nil
	}
	return s.put(put, mutantsName, "mutants", s.mutants())
}

func (s *Site) put(put func(string, []byte) error, name, template string, page any) error {
	text, err := render(template, page)
	if err != nil {
		return err
	}
	return put(name, text)
}

// The names of pages.
const mutantsName = "mutants.html"

func (s *Site) table(profile string) string {
	if profile == s.Profiles[0] {
		return "index.html"
	}
	return profile + ".html"
}

func reportPage(name string) string    { return "reports/" + name + ".html" }
func requirementPage(id string) string { return "requirements/" + id + ".html" }

// nav are the links from a page; up leads to the top of the site.
func (s *Site) nav(up, current string) (links []htmlLink) {
	for _, p := range s.Profiles {
		links = append(links, htmlLink{up + s.table(p), "by " + p, current == s.table(p)})
	}
	if s.Mutants != nil {
		links = append(links, htmlLink{up + mutantsName, "mutants", current == mutantsName})
	}
	return links
}

// tablePage is the hypervisors side by side, by a profile.
func (s *Site) tablePage(profile string) *htmlPage {
	d := Document{Tool: s.Tool}
	for i := range s.Subjects {
		e := s.Subjects[i].Verdicts[profile]
		e.Name = s.Subjects[i].Title
		if e.Report == nil {
			e.Why = cmp.Or(e.Why, "no report by "+profile)
		}
		d.Entries = append(d.Entries, e)
	}
	p := s.page(&d, "", s.table(profile), "Hypervisors by "+profile)
	for i := range p.Reports {
		p.Reports[i].Label = Visible(s.Subjects[i].Title)
		p.Reports[i].Notes = slices.DeleteFunc(p.Reports[i].Notes, func(note string) bool { return strings.HasPrefix(note, "seen by the host: ") })
		p.Reports[i].Facts, p.Reports[i].More = entriesOf(s.Subjects[i].Facts), reportPage(s.Subjects[i].Name)
	}
	return p
}

// bootsPage is all that is published of a hypervisor.
func (s *Site) bootsPage(subject *SiteSubject) *htmlPage {
	return s.page(&Document{Tool: s.Tool, Entries: subject.Boots}, "../", "", Visible(subject.Title))
}

func (s *Site) page(d *Document, up, current, title string) *htmlPage {
	sheet := d.legible()
	p := newHTMLPage(&sheet)
	p.Title, p.Nav = title, s.nav(up, current)
	for i := range p.Chapters {
		rows := p.Chapters[i].Rows
		for j := range rows {
			if s.explains(rows[j].ID) {
				rows[j].About = up + requirementPage(rows[j].ID)
			}
		}
	}
	return p
}

// explains tells whether there is a page for a requirement: a report may be of an
// older catalogue.
func (s *Site) explains(id string) bool {
	return slices.ContainsFunc(s.Requirements, func(r SiteRequirement) bool { return r.ID == id })
}

func entriesOf(facts []SiteFact) (out []htmlEntry) {
	for _, f := range facts {
		out = append(out, htmlEntry{f.Label, Visible(f.Value)})
	}
	return out
}

// A sitePage is what all pages without a script show.
type sitePage struct {
	Title, Tool, Policy string
	CSS                 template.CSS
	Nav                 []htmlLink
}

func (s *Site) plain(title, up, current string) sitePage {
	css := htmlFile("page.css")
	return sitePage{title, cmp.Or(s.Tool, "vmspec"), policy(css, ""), template.CSS(css), s.nav(up, current)}
}

type siteRequirement struct {
	sitePage
	Rows     []htmlEntry
	Profiles []string
	Found    []siteFound
	Mutants  []string
}

// siteFound is what became of a requirement on one hypervisor, by each profile.
type siteFound struct {
	Name  string
	Cells []htmlCell // the ID is an address
}

func (s *Site) requirement(r *SiteRequirement) *siteRequirement {
	out := &siteRequirement{sitePage: s.plain(r.ID+" "+r.Title, "../", ""), Rows: entriesOf(r.Facts), Profiles: s.Profiles}
	for i := range s.Subjects {
		found := siteFound{Name: Visible(s.Subjects[i].Title)}
		asked := false
		for _, profile := range s.Profiles {
			cell := htmlCell{}
			if report := s.Subjects[i].Verdicts[profile].Report; report != nil {
				if p, ok := report.Point(r.ID); ok {
					o := OutcomeOf(p)
					cell, asked = htmlCell{ID: "../" + s.table(profile) + "#" + r.ID, Outcome: o, Mark: textMarks[o]}, true
				}
			}
			found.Cells = append(found.Cells, cell)
		}
		if asked {
			out.Found = append(out.Found, found)
		}
	}
	if s.Mutants != nil {
		out.Mutants = eachOf(s.Mutants.CaughtBy[r.ID], Visible)
	}
	return out
}

type siteMutants struct {
	sitePage
	Catalogue string
	Catches   []siteCatch
}

// A siteCatch is a requirement and the mutants that it catches.
type siteCatch struct {
	ID, Href string
	Mutants  []string
}

func (s *Site) mutants() *siteMutants {
	out := &siteMutants{sitePage: s.plain("Mutants", "", mutantsName), Catalogue: Visible(s.Mutants.Catalogue)}
	for i := range s.Requirements {
		id := s.Requirements[i].ID
		caught := s.Mutants.CaughtBy[id]
		if len(caught) > 0 || slices.Contains(s.Mutants.Uncaught, id) {
			out.Catches = append(out.Catches, siteCatch{id, requirementPage(id), eachOf(caught, Visible)})
		}
	}
	return out
}
