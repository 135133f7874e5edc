package suite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmspec/results/report"
)

// Settings are the suite's parameters: vmspec.profile and so on.
type Settings struct {
	Profile  Profile
	Only     []string // judge these only; all if empty
	Skip     []string
	After    string   // "poweroff", "reboot" or "halt"
	ReadOnly bool     // change nothing, not even for a moment
	Nonce    string   // repeated in the report, to tell it from an older one
	Frames   int      // how many times the report goes out again, in frames
	Capture  string   // how the captured guest leaves: by its "port", by the "console" or "none"
	Needs    []string // what the host offers to do when it is asked: report.Needs
	Series   Series   // of boots of one VM
	Problems []string
	// Subjects leaves out what others owe. It is no parameter: an image that does
	// not run has no platform. All are judged if it is empty.
	Subjects []Subject
}

// A Series is several boots of one VM, and which of them this is. Without a nonce it
// is none.
type Series struct {
	Nonce    string
	Boot, Of int // from 1
}

// Last tells whether the boot is the last of a series.
func (s Series) Last() bool { return s.Nonce != "" && s.Boot == s.Of }

// String is the parameter's value.
func (s Series) String() string { return fmt.Sprintf("%s/%d/%d", s.Nonce, s.Boot, s.Of) }

// ParseSettings reads the parameters, without their prefix "vmspec.". One that
// is wrong is left at its default and named in Problems.
func ParseSettings(p map[string]string) Settings {
	s := Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port"}
	for name, value := range p {
		if problem := s.set(name, value); problem != "" {
			s.Problems = append(s.Problems, fmt.Sprintf("vmspec.%s=%s: %s", name, value, problem))
		}
	}
	slices.Sort(s.Problems)
	return s
}

func (s *Settings) set(name, value string) (problem string) {
	switch name {
	case "profile":
		if !slices.Contains(Profiles(), Profile(value)) {
			return fmt.Sprintf("the profiles are %v", Profiles())
		}
		s.Profile = Profile(value)
	case "only":
		s.Only, problem = parseIDs(value)
	case "skip":
		s.Skip, problem = parseIDs(value)
	case "after":
		if !slices.Contains([]string{"poweroff", "reboot", "halt"}, value) {
			return "poweroff, reboot or halt"
		}
		s.After = value
	case "readonly":
		s.ReadOnly = isOn(value)
	case "nonce":
		if !report.IsNonce(value) {
			return fmt.Sprintf("at most %d letters, digits, dashes and underscores", report.MaxNonce)
		}
		s.Nonce = value
	case "frames":
		if !slices.Contains([]string{"0", "1", "2"}, value) {
			return "0, 1 or 2"
		}
		s.Frames = int(value[0] - '0')
	case "capture":
		if !slices.Contains([]string{"port", "console", "none"}, value) {
			return "port, console or none"
		}
		s.Capture = value
	case "series":
		s.Series, problem = parseSeries(value)
	case "needs":
		s.Needs, problem = parseNeeds(value)
	default:
		return "no such parameter"
	}
	return problem
}

// parseNeeds reads what a host offers.
func parseNeeds(list string) (needs []string, problem string) {
	for need := range strings.SplitSeq(list, ",") {
		if !slices.Contains(report.Needs(), need) {
			problem = fmt.Sprintf("no need %q: there are %s", need, strings.Join(report.Needs(), ", "))
			continue
		}
		needs = append(needs, need)
	}
	return needs, problem
}

// Offers tells whether the host offers to do something when it is asked.
func (s Settings) Offers(need string) bool { return slices.Contains(s.Needs, need) }

// isOn tells whether a parameter that is a switch is on: with any value but 0.
func isOn(value string) bool { return value != "0" }

func parseSeries(value string) (s Series, problem string) {
	words := strings.Split(value, "/")
	if len(words) == 3 {
		s.Nonce = words[0]
		s.Boot, _ = strconv.Atoi(words[1])
		s.Of, _ = strconv.Atoi(words[2])
	}
	if s.Nonce == "" || !report.IsNonce(s.Nonce) || s.Boot < 1 || s.Boot > s.Of || s.Of > report.MaxBoots || s.String() != value {
		return Series{}, "a nonce, the boot's number and how many there are, such as x/1/2"
	}
	return s, ""
}

func parseIDs(list string) (ids []string, problem string) {
	for id := range strings.SplitSeq(list, ",") {
		if _, ok := Find(id); !ok {
			problem = fmt.Sprintf("no requirement %q", id)
			continue
		}
		ids = append(ids, id)
	}
	return ids, problem
}

// Chosen tells whether the requirement is to be judged: vmspec.only and
// vmspec.skip may leave it out.
func (s Settings) Chosen(id string) bool { return s.wants(id) && !slices.Contains(s.Skip, id) }

// concerns tells whether anything is judged of who owes a requirement.
func (s Settings) concerns(who Subject) bool {
	return len(s.Subjects) == 0 || slices.Contains(s.Subjects, who)
}

func (s Settings) wants(id string) bool { return len(s.Only) == 0 || slices.Contains(s.Only, id) }
