package results

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"vmspec/results/report"
)

// JUnit writes the document as the viewers of Jenkins and GitLab read it: a suite
// for each verdict, and a case for each requirement.
//
// What is red is what the verdict rests on. A must that failed is a failure, and one
// that could not be told an error. A recommendation that was missed is skipped, for
// it fails no run; the case's status says what it really is. The first case of a
// suite is the verdict, which may rest on more than points: it is red as the exit
// status is not 0.
//
// Viewers know a case by its class and name. So these are IDs, and they stay: a
// class is "vmspec.PROFILE.PARTY", with the name before the party where a profile is
// there more than once.
func (d *Document) JUnit(w io.Writer) error {
	s := d.legible(spaced)
	out := junit.Testsuites{Name: "vmspec"}
	used := map[string]int{}
	for i, r := range s.Reports {
		class := "vmspec." + cmp.Or(r.Profile, "none")
		if s.several(r.Profile) {
			class += "." + r.Name
		}
		if used[class]++; used[class] > 1 {
			class += fmt.Sprintf(".%d", used[class])
		}
		out.AddSuite(r.junit(i, class))
	}
	if _, err := io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"); err != nil {
		return err
	}
	return out.WriteXML(w)
}

// several tells whether more than one report is by a profile.
func (s *sheet) several(profile string) bool {
	n := 0
	for _, r := range s.Reports {
		if r.Profile == profile {
			n++
		}
	}
	return n > 1
}

func (r *sheetReport) junit(id int, class string) junit.Testsuite {
	name := r.Name
	if r.Profile != "" {
		name += " by " + r.Profile
	}
	suite := junit.Testsuite{Name: name, ID: id, Time: "0", File: r.File}
	for _, p := range []struct{ name, value string }{
		{"profile", r.Profile}, {"suite", r.Suite}, {"catalogue", r.Catalogue}, {"arch", r.Arch}, {"nonce", r.Nonce}, {"verdict", string(r.Verdict)},
	} {
		if p.value != "" {
			suite.AddProperty(p.name, p.value)
		}
	}
	suite.AddTestcase(r.verdictCase(class))
	for i := range r.Points {
		p := &r.Points[i]
		suite.AddTestcase(p.junit(class + "." + string(p.Party)))
	}
	return suite
}

// VerdictCase is the name of the case that is a report's verdict.
const VerdictCase = "VERDICT"

func (r *sheetReport) verdictCase(class string) junit.Testcase {
	c := junit.Testcase{Name: VerdictCase, Classname: class, Time: "0", Status: string(r.Verdict)}
	said := &junit.Result{Message: r.Sentence, Type: string(r.Verdict), Data: lined(r.Next)}
	switch r.ExitStatus {
	case 0:
		c.SystemOut = &junit.Output{Data: lined(r.Sentence)}
	case 1:
		c.Failure = said
	default:
		c.Error = said
	}
	return c
}

func (p *sheetPoint) junit(class string) junit.Testcase {
	c := junit.Testcase{Name: p.ID, Classname: class, Time: "0", Status: string(p.Outcome)}
	said := &junit.Result{Message: p.message(), Type: string(p.Outcome), Data: p.told()}
	must := p.Level == report.Must
	switch {
	case p.Disposition != "": // the status is the result
		said.Type, said.Message = string(p.Disposition), p.disposed()
		c.Skipped = said
	case p.Outcome == Passed:
		c.SystemOut = &junit.Output{Data: p.told()}
	case p.Outcome == Failed:
		c.Failure = said
	case p.Outcome == InError && must:
		c.Error = said
	default:
		c.Skipped = said
	}
	return c
}

// message says in a line what became of a point that did not pass.
func (p *sheetPoint) message() string {
	what := cmp.Or(p.Problem, p.Reason)
	switch p.Outcome {
	case Failed, LeftOpen:
		return what
	}
	return strings.TrimSuffix(fmt.Sprintf("%s (%s): %s", cmp.Or(words[p.Outcome], string(p.Outcome)), p.Level, what), ": ")
}

// told is all that is said of a point, an entry a line.
func (p *sheetPoint) told() string {
	var b strings.Builder
	for _, e := range p.entries() {
		fmt.Fprintf(&b, "%s: %s\n", e.label, e.value)
	}
	return b.String()
}

// An entry is a word and what belongs to it.
type entry struct{ label, value string }

// entries are what is said of a point, in the order of text.
func (p *sheetPoint) entries() (out []entry) {
	for _, e := range []entry{
		{"title", p.Title}, {"disposition", p.disposed()}, {"asked", p.asked()}, {"problem", p.Problem}, {"reason", p.Reason}, {"found", p.Found},
		{"fix", p.Fix}, {"follows from", p.Follows}, {"kind", p.Kind}, {"boot", p.Boot},
	} {
		if e.value != "" {
			out = append(out, e)
		}
	}
	return out
}

// disposed says what is done about a result, and who answers for that; empty for
// nothing.
func (p *sheetPoint) disposed() string {
	if p.Waiver == nil {
		return ""
	}
	return string(p.Disposition) + " " + p.Waiver.Describe()
}

// asked says how strongly a point is asked, where, and of whom.
func (p *sheetPoint) asked() string {
	text := strings.TrimSuffix(string(p.Level)+", "+p.Clause, ", ")
	if p.Party != report.Platform {
		text += ", of " + who[p.Party]
	}
	return text
}

func lined(text string) string {
	if text == "" {
		return ""
	}
	return text + "\n"
}
