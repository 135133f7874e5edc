package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
)

// A Side is a source whose reports are compared with another's.
type Side struct {
	Name    string
	reports []sheetReport
}

// Side is a document as a source of reports.
func (d *Document) Side(name string) Side { return Side{name, d.sheet().Reports} }

// maxSheet bounds a document that is read, in bytes: a report by three profiles has
// 200 KiB.
const maxSheet = 64 << 20

// ReadSide reads what JSON wrote, and says what is wrong with anything else.
func ReadSide(r io.Reader, name string) (Side, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSheet+1))
	switch {
	case err != nil:
		return Side{}, err
	case len(text) > maxSheet:
		return Side{}, fmt.Errorf("more than %d MiB: this is no report", maxSheet>>20)
	}
	var s sheet
	if err := json.Unmarshal(text, &s); err != nil {
		return Side{}, fmt.Errorf("not a report in JSON: %w", err)
	}
	switch {
	case s.Format != FormatName:
		return Side{}, fmt.Errorf("not a report in JSON: its format is %q, not %q", clip(s.Format), FormatName)
	case s.Version != FormatVersion:
		return Side{}, fmt.Errorf("a report in JSON of version %d; this vmspec reads version %d", s.Version, FormatVersion)
	case len(s.Reports) == 0:
		return Side{}, errors.New("a document of no report")
	}
	for i := range s.Reports {
		if err := s.Reports[i].check(); err != nil {
			return Side{}, fmt.Errorf("report %d: %w", i+1, err)
		}
	}
	return Side{name, s.Reports}, nil
}

// clip shortens what an error quotes.
func clip(text string) string { return text[:min(len(text), 40)] }

// isID is what a requirement may be called.
var isID = regexp.MustCompile(`^[A-Z][A-Z0-9-]{0,63}$`)

// check refuses what no report says.
func (r *sheetReport) check() error {
	if badness(r.Verdict) < 0 {
		return fmt.Errorf("no verdict is called %q", clip(string(r.Verdict)))
	}
	ids := map[string]bool{}
	for i, p := range r.Points {
		switch {
		case !isID.MatchString(p.ID):
			return fmt.Errorf("point %d: %q is no ID", i+1, clip(p.ID))
		case ids[p.ID]:
			return fmt.Errorf("point %d: %s is there twice", i+1, p.ID)
		case !slices.Contains(outcomes, p.Outcome):
			return fmt.Errorf("%s: no outcome is called %q", p.ID, clip(string(p.Outcome)))
		}
		ids[p.ID] = true
	}
	return nil
}
