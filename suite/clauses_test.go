package suite

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A sentence is a row of clauses.tsv.
type sentence struct {
	profile Profile
	section string
	number  int
	keyword string
	words   []string // its normative words
	why     string   // of a sentence that asks for nothing
	parties []Subject
	ids     []string // of the requirements that cover it
	items   []int    // or the numbers of the items that spell it out
}

// levels are the meaning of the keywords. A list item without a keyword has
// that of its heading, and headings are musts: reading 1 of the specification.
var levels = map[string][]Level{
	"must": {Must}, "shall": {Must}, "cannot": {Must}, "-": {Must}, "should": {Should},
	"recommended": {Recommended}, "strongly-recommended": {StronglyRecommended},
}

func sentences(t *testing.T) []sentence {
	t.Helper()
	text, err := os.ReadFile("testdata/clauses.tsv")
	require.NoError(t, err)
	var out []sentence
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if f[0] == untestedMark {
			continue
		}
		require.Len(t, f, 7, line)
		s := sentence{profile: Profile(f[0]), section: f[1], keyword: f[3], words: slices.DeleteFunc(strings.Fields(f[4]), func(w string) bool { return w == "-" })}
		if f[2] == "-" {
			require.Equal(t, []string{"-", "-"}, []string{f[3], f[5]}, line)
			require.GreaterOrEqual(t, len(f[6]), shortestText, line)
			s.why = f[6]
			out = append(out, s)
			continue
		}
		s.number, err = strconv.Atoi(f[2])
		require.NoError(t, err, line)
		for party := range strings.FieldsSeq(f[5]) {
			s.parties = append(s.parties, Subject(party))
		}
		for covers := range strings.FieldsSeq(f[6]) {
			if n, err := strconv.Atoi(covers); err == nil {
				s.items = append(s.items, n)
			} else {
				s.ids = append(s.ids, covers)
			}
		}
		out = append(out, s)
	}
	return out
}

// untestedMark begins the rows of requirements that nobody judges.
const untestedMark = "untested"

// binding are the sentences that ask for something.
func binding(all []sentence) []sentence {
	return slices.DeleteFunc(slices.Clone(all), func(s sentence) bool { return s.why != "" })
}

func (s sentence) String() string { return fmt.Sprintf("%s %s %d", s.profile, s.section, s.number) }

// underHeading tells whether a heading of the same section lists the sentence.
func underHeading(all []sentence, s sentence) bool {
	return slices.ContainsFunc(all, func(h sentence) bool {
		return h.profile == s.profile && h.section == s.section && slices.Contains(h.items, s.number)
	})
}

// Each sentence is covered by exactly the requirements that it names, and each
// requirement points at a sentence.
func TestEverySentenceIsCovered(t *testing.T) {
	all := sentences(t)
	pointed := map[string][]string{} // by the sentence, in the catalogue's order
	for _, r := range Catalogue() {
		for _, p := range Profiles() {
			if c, asked := r.Clauses.By(p); asked && c.Level != Info {
				at := sentence{profile: p, section: c.Section, number: c.Number}.String()
				pointed[at] = append(pointed[at], r.ID)
			}
		}
	}
	for _, s := range binding(all) {
		require.ElementsMatch(t, s.ids, pointed[s.String()], s)
		delete(pointed, s.String())
		require.NotEmpty(t, len(s.ids)+len(s.items), s)
		for _, item := range s.items {
			require.True(t, slices.ContainsFunc(all, func(i sentence) bool {
				return i.profile == s.profile && i.section == s.section && i.number == item && len(i.ids) > 0
			}), "%s: item %d", s, item)
		}
		for _, id := range s.ids {
			r, ok := Find(id)
			require.True(t, ok, id)
			require.Contains(t, s.parties, r.Subject, s)
			want := levels[s.keyword]
			if underHeading(all, s) {
				want = []Level{Must}
			}
			clause, _ := r.Clauses.By(s.profile)
			require.Contains(t, want, clause.Level, "%s: %s", s, id)
			by := r.Readings.By(s.profile)
			require.Equal(t, s.keyword == "should" && underHeading(all, s), slices.Contains(by, 1), "%s: %s", s, id)
			require.Equal(t, s.keyword == "cannot", slices.Contains(by, 15), "%s: %s", s, id)
		}
	}
	require.Empty(t, pointed, "requirements that point at no sentence")
}

// Sentences are numbered without a gap.
func TestSentencesAreInOrder(t *testing.T) {
	counts := map[Profile]int{}
	last := sentence{}
	for _, s := range binding(sentences(t)) {
		want := 1
		if s.profile == last.profile && s.section == last.section {
			want = last.number + 1
		}
		require.Equal(t, want, s.number, s)
		counts[s.profile]++
		last = s
	}
	require.Equal(t, map[Profile]int{RFCv2: 24, V10: 26, V20: 33}, counts)
}

// The literals of a chapter stand in the order of the text. RFC v2 is not
// looked at: version 1.0 has the same sentences, and one more.
func TestLiteralsFollowTheText(t *testing.T) {
	for name, literals := range map[string][]Requirement{
		"image": images, "firmware": firmware, "description": description, "description_complete": descriptionComplete,
		"platform": platform, "architecture": architecture, "platform_console": platformConsole, "platform_gic": platformGIC,
		"platform_timer": platformTimer, "platform_hotplug": platformHotplug, "guestos": guestOS,
	} {
		for _, p := range []Profile{V10, V20} {
			last := map[string]int{} // number, by section
			for _, r := range literals {
				c, asked := r.Clauses.By(p)
				require.False(t, r.Clauses == infoEverywhere(), "%s: no text asks %s", name, r.ID)
				if asked {
					require.GreaterOrEqual(t, c.Number, last[c.Section], "%s: %s by %s", name, r.ID, p)
					last[c.Section] = c.Number
				}
			}
		}
	}
}
