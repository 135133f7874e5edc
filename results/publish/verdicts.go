package publish

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/results"
)

// Expected is the verdict that was read in a log by one profile, when it was
// published, and how later suites changed their mind.
type Expected struct {
	Log     string   `yaml:"log"`
	Profile string   `yaml:"profile"`
	Verdict string   `yaml:"verdict"`           // conformant, not-conformant or could-not-tell
	Failed  []string `yaml:"failed,flow"`       // the platform's musts that failed
	Errors  []string `yaml:"errors,flow"`       // and those in error
	Changed []Change `yaml:"changed,omitempty"` // the last holds
}

// A Change says what is read in the log today, and why that is another verdict.
type Change struct {
	Since   string   `yaml:"since"` // the suite's version
	Why     string   `yaml:"why"`
	Verdict string   `yaml:"verdict"`
	Failed  []string `yaml:"failed,flow"`
	Errors  []string `yaml:"errors,flow"`
}

// Now is what is expected today.
func (e Expected) Now() Expected {
	if n := len(e.Changed); n > 0 {
		c := e.Changed[n-1]
		e.Verdict, e.Failed, e.Errors = c.Verdict, c.Failed, c.Errors
	}
	return e
}

// ParseVerdicts reads verdicts.yaml, and says what is wrong with it.
func ParseVerdicts(text []byte) ([]Expected, error) {
	var all []Expected
	if err := parseYAML(text, &all); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("it holds no verdict")
	}
	for i, e := range all {
		switch {
		case e.Log == "" || e.Profile == "":
			return nil, fmt.Errorf("entry %d: log or profile is missing", i+1)
		case slices.ContainsFunc(all[:i], func(o Expected) bool { return o.Log == e.Log && o.Profile == e.Profile }):
			return nil, fmt.Errorf("entry %d: %s by %s is there twice", i+1, clip(e.Log), clip(e.Profile))
		}
		for _, c := range e.Changed {
			if c.Why == "" || c.Since == "" {
				return nil, fmt.Errorf("entry %d: a change without since or why", i+1)
			}
		}
	}
	return all, nil
}

// Verdicts are what is read in a log today, by each profile that it knows.
func (l *Log) Verdicts() (all []Expected) {
	r := l.Report()
	if r == nil {
		return nil
	}
	for _, profile := range profiles(r) {
		by, err := r.By(profile)
		if err != nil {
			continue // the log lacks what that profile asks
		}
		all = append(all, read(l.Name, by))
	}
	return all
}

// profiles are those that a report knows, its own first.
func profiles(r *results.Report) []string {
	all := []string{r.Profile}
	if r.Appendix != nil {
		for _, p := range r.Appendix.Profiles {
			if p != r.Profile {
				all = append(all, p)
			}
		}
	}
	return all
}

// read is the verdict of a report.
func read(log string, r *results.Report) Expected {
	c, _ := r.Conclude(false)
	e := Expected{Log: log, Profile: r.Profile, Verdict: string(c), Failed: []string{}, Errors: []string{}}
	for _, p := range r.Points {
		switch {
		case !r.Counts(p) || p.Level != "must" || p.Party() != r.Party():
		case p.Verdict == results.Fail:
			e.Failed = append(e.Failed, p.ID)
		case p.Verdict == results.Error:
			e.Errors = append(e.Errors, p.ID)
		}
	}
	return e
}

// A Difference is a verdict that is read otherwise than it is expected.
type Difference struct {
	Log, Profile  string
	Expected, Now string // as a sentence; empty for no verdict
}

func (d Difference) String() string {
	return fmt.Sprintf("%s by %s: expected %s, now %s", d.Log, d.Profile, d.Expected, d.Now)
}

// Compare reads the folder's logs again, and lists what is judged otherwise.
func (f *Folder) Compare() (all []Difference) {
	var now []Expected
	for i := range f.Logs {
		now = append(now, f.Logs[i].Verdicts()...)
	}
	for _, e := range f.Expected {
		is := sentence(find(now, e))
		if was := sentence(&[]Expected{e.Now()}[0]); is != was {
			all = append(all, Difference{e.Log, e.Profile, was, is})
		}
	}
	for _, n := range now {
		if find(f.Expected, n) == nil {
			all = append(all, Difference{n.Log, n.Profile, sentence(nil), sentence(&n)})
		}
	}
	return all
}

func find(all []Expected, like Expected) *Expected {
	for i := range all {
		if all[i].Log == like.Log && all[i].Profile == like.Profile {
			return &all[i]
		}
	}
	return nil
}

// sentence is a verdict in a few words.
func sentence(e *Expected) string {
	if e == nil {
		return "no verdict"
	}
	out := e.Verdict
	for _, l := range []struct {
		what string
		ids  []string
	}{{"failed", e.Failed}, {"in error", e.Errors}} {
		if len(l.ids) > 0 {
			out += "; " + l.what + ": " + strings.Join(l.ids, " ")
		}
	}
	return out
}
