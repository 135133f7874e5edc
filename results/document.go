package results

import (
	"cmp"

	"vmspec/results/report"
)

// A Document is one verdict or several, to be written in a format. All formats but
// TAP and text are written from the same sheet, so that they count alike.
type Document struct {
	Tool    string // the program that writes, and its version
	Strict  bool   // a missed recommendation counts as a failed must does
	Entries []Entry
}

// An Entry is a verdict: on one boot, or on a platform by one profile.
type Entry struct {
	Name   string  // of the target, the log, the capture, the image or the platform
	File   string  // the log; empty if there is none
	Report *Report // nil if none is whole
	Why    string  // why none is
	Merged *Merged // what the boots of a platform say together; nil for one boot
	// Excerpts are the log's lines around the points; nil if nobody collected them.
	Excerpts *Excerpts
}

// The format of a document for programs. A field that is added leaves the version,
// one that changes or goes raises it.
const (
	FormatName    = "vmspec-report"
	FormatVersion = 1
)

// A sheet is a document as programs read it; schema.json describes it.
type sheet struct {
	Schema     string        `json:"$schema"`
	Format     string        `json:"format"`
	Version    int           `json:"version"`
	Tool       string        `json:"tool,omitempty"`
	Verdict    Conformance   `json:"verdict"` // the worst
	ExitStatus int           `json:"exit_status"`
	Strict     bool          `json:"strict"`
	Reports    []sheetReport `json:"reports"`
}

// A sheetReport is an entry of a sheet.
type sheetReport struct {
	Name       string       `json:"name"`
	File       string       `json:"file,omitempty"`
	Profile    string       `json:"profile,omitempty"`
	Suite      string       `json:"suite,omitempty"`
	Catalogue  string       `json:"catalogue,omitempty"`
	Arch       string       `json:"arch,omitempty"`
	Nonce      string       `json:"nonce,omitempty"`
	Source     string       `json:"source,omitempty"`
	First      LineNumber   `json:"first_line,omitempty"`
	Last       LineNumber   `json:"last_line,omitempty"`
	Verdict    Conformance  `json:"verdict"`
	ExitStatus int          `json:"exit_status"`
	Sentence   string       `json:"sentence"`
	Next       string       `json:"next,omitempty"`
	Stopped    string       `json:"stopped,omitempty"` // of a provisional report
	Counts     Counts       `json:"counts"`
	Parties    []sheetParty `json:"parties"`
	Notes      []string     `json:"notes"`
	Boots      []sheetBoot  `json:"boots,omitempty"`
	Disagree   []sheetClash `json:"contradictions,omitempty"`
	Points     []sheetPoint `json:"points"`
}

// A sheetParty is the verdict on one party. The first is the report's own.
type sheetParty struct {
	Party    report.Party `json:"party"`
	Verdict  Conformance  `json:"verdict"`
	Sentence string       `json:"sentence"`
	Musts    sheetMusts   `json:"musts"`
	Missed   int          `json:"recommendations_missed"`
	Doubts   int          `json:"recommendations_in_error"`
}

type sheetMusts struct {
	Judged    int `json:"judged"`
	Failed    int `json:"failed"`
	NotJudged int `json:"not_judged"`
	Errors    int `json:"errors"`
	LeftOut   int `json:"left_out"`
}

// A sheetBoot is one of the boots of a platform.
type sheetBoot struct {
	Name    string `json:"name"`
	Arch    string `json:"arch"`
	Profile string `json:"profile"`
	Nonce   string `json:"nonce"`
}

// A sheetClash is a requirement that some boots meet and others do not.
type sheetClash struct {
	ID      string   `json:"id"`
	Passed  []string `json:"passed"`
	Failed  []string `json:"failed"`
	Problem string   `json:"problem"`
}

// A sheetPoint is what became of one requirement.
type sheetPoint struct {
	Number  int          `json:"number"`
	ID      string       `json:"id"`
	Title   string       `json:"title"`
	Party   report.Party `json:"party"`
	Level   report.Level `json:"level"`
	Chapter string       `json:"chapter"`
	Clause  string       `json:"clause,omitempty"`
	Kind    string       `json:"kind,omitempty"`
	Verdict Verdict      `json:"verdict"`
	Outcome Outcome      `json:"outcome"`
	// Disposition is what is done about the outcome, which it does not change.
	Disposition Disposition `json:"disposition,omitempty"`
	Waiver      *Waiver     `json:"waiver,omitempty"`
	Counted     bool        `json:"counted"` // a conclusion on its party rests on it
	Reason      string      `json:"reason,omitempty"`
	Problem     string      `json:"problem,omitempty"`
	Found       string      `json:"found,omitempty"`
	Fix         string      `json:"fix,omitempty"`
	Follows     string      `json:"follows_from,omitempty"` // the failure that explains this one
	Boot        string      `json:"boot,omitempty"`
	Log         *Excerpt    `json:"log,omitempty"`
}

// sheet returns what the document says.
func (d *Document) sheet() sheet {
	s := sheet{Schema: SchemaID, Format: FormatName, Version: FormatVersion, Tool: d.Tool, Strict: d.Strict, Reports: []sheetReport{}}
	for _, e := range d.Entries {
		r := e.sheet(d.Strict)
		if s.Verdict == "" || badness(r.Verdict) > badness(s.Verdict) {
			s.Verdict = r.Verdict
		}
		s.Reports = append(s.Reports, r)
	}
	s.Verdict = cmp.Or(s.Verdict, CouldNotTell)
	s.ExitStatus = s.Verdict.ExitStatus()
	return s
}

// Verdict returns the worst of the document's verdicts. A must that failed is
// known, whatever else is not.
func (d *Document) Verdict() Conformance { return d.sheet().Verdict }

func (e *Entry) sheet(strict bool) sheetReport {
	out := sheetReport{Name: e.Name, File: e.File, Verdict: CouldNotTell, Notes: []string{}, Parties: []sheetParty{}, Points: []sheetPoint{}}
	out.ExitStatus = out.Verdict.ExitStatus()
	if e.Report == nil {
		out.Sentence = Words(CouldNotTell) + ": " + e.Why
		return out
	}
	r := e.Report
	out.Profile, out.Suite, out.Catalogue, out.Arch, out.Nonce = r.Profile, r.Version, r.Catalogue, r.Arch, r.Nonce
	out.Source, out.First, out.Last, out.Stopped = r.Source, r.First, r.Last, r.Stopped
	out.Verdict, _ = r.Conclude(strict)
	out.ExitStatus = out.Verdict.ExitStatus()
	out.Sentence, out.Next = r.Sentence(strict), r.next(out.Verdict)
	out.Counts = r.Counted()
	out.Notes = append(out.Notes, r.remarks()...)
	for _, p := range r.Points {
		out.Points = append(out.Points, r.sheetPoint(p, e.Excerpts))
	}
	for _, party := range r.Parties() {
		out.Parties = append(out.Parties, r.sheetParty(party, strict))
	}
	e.merged(&out)
	return out
}

// merged adds what only several boots say.
func (e *Entry) merged(out *sheetReport) {
	if e.Merged == nil {
		return
	}
	out.Notes = append(out.Notes, e.Merged.Notices()...)
	for _, b := range e.Merged.Boots {
		out.Boots = append(out.Boots, sheetBoot{b.Name, b.Arch, b.Profile, b.Nonce})
	}
	for _, c := range e.Merged.Contradictions {
		out.Disagree = append(out.Disagree, sheetClash(c))
	}
}

func (r *Report) sheetParty(party report.Party, strict bool) sheetParty {
	c, t := r.concludeOn(party, strict)
	out := sheetParty{Party: party, Verdict: c, Sentence: r.sentence(party, strict), Missed: t.Missed, Doubts: t.Doubts,
		Musts: sheetMusts{t.Judged, t.Failed, t.Open, t.Errors, t.LeftOut}}
	if party == r.Party() { // what follows in the log may overrule it
		out.Verdict, _ = r.Conclude(strict)
		out.Sentence = r.Sentence(strict)
	}
	return out
}

func (r *Report) sheetPoint(p Point, excerpts *Excerpts) sheetPoint {
	out := sheetPoint{
		Number: p.Number, ID: p.ID, Title: p.Title, Party: p.Party(), Level: cmp.Or(p.Level, report.Info), Chapter: chapter(p.Clause), Clause: p.Clause,
		Kind: p.Kind, Verdict: p.Verdict, Outcome: OutcomeOf(p), Counted: r.Counts(p),
		Reason: p.Reason, Problem: p.Problem, Found: p.Found, Fix: p.Fix, Boot: p.Boot, Log: excerpts.Of(p.ID, r),
	}
	if r.waived(p) {
		out.Disposition, out.Waiver, out.Counted = Waived, r.waivers[p.ID], false
	}
	if cause := r.cause(p); p.Verdict == Fail && cause != p.ID {
		out.Follows = cause
	}
	return out
}
