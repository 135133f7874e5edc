package suite

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// normative are the words by which the texts ask for something, or for nothing.
var normative = []string{
	"must", "shall", "should", "may", "cannot", "required", "requires", "require", "need", "needs", "mandate", "mandates", "mandatory",
	"recommended", "recommends", "optional", "expected", "suggest", "suggests", "strongly",
}

// sections are the headings of the texts as clauses.tsv calls them, by their lines.
// Those without a name ask for nothing: tables of contents, history and references.
var sections = map[Profile]map[string]string{
	RFCv2: {
		"Goal": "Goal", "Image format": "Image format", "Virtual Firmware": "Virtual Firmware",
		"Hardware Description": "Hardware Description", "VM Platform": "VM Platform",
		"Changes from previous versions of this RFC": "", "References": "",
	},
	V20: {
		"Table of Contents": "", "Terminology": "", "Scope": "Scope", "ARM Server Architecture": "ARM Server Architecture",
		"VM Image Format": "VM Image Format", "Virtual Firmware": "Virtual Firmware", "Hardware Description": "Hardware Description",
		"The VM Platform": "VM Platform", "VM Images": "VM Images", "Changes and Previous Versions": "", "References": "",
	},
}

// footnotes are the sections in which notes at the foot of a page are called.
var footnotes = map[Profile]map[string]string{V20: {"1": "VM Platform"}}

// added are the sentences that version 1.0 has and RFC v2 has not, by their
// sections: their numbers and words.
var added = map[string]sentence{
	"Virtual Firmware": {number: 9, words: []string{"must"}},
	"VM Platform":      {number: 10, words: []string{"must"}},
}

var (
	wordOf   = regexp.MustCompile(`[A-Za-z0-9]+`)
	isLetter = regexp.MustCompile(`[A-Za-z0-9]`)
)

// The texts in testdata/spec have their headings and their normative words. The
// letters of all else are x: the suite says it in words of its own.
func mask(p Profile, text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.NewReplacer("\u200b", "", "\u00ad", "-").Replace(text)) {
		if _, heading := sections[p][strings.TrimSpace(line)]; !heading {
			line = wordOf.ReplaceAllStringFunc(line, func(word string) string {
				if slices.Contains(normative, strings.ToLower(word)) || footnotes[p][strings.TrimSpace(line)] != "" {
					return word
				}
				return isLetter.ReplaceAllString(word, "x")
			})
		}
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// normativeWords are the words of each section, in the order of the text.
func normativeWords(t *testing.T, p Profile) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/spec", string(p)+".txt"))
	require.NoError(t, err)
	words := map[string][]string{}
	section, foot := "", ""
	for line := range strings.Lines(string(text)) {
		trimmed := strings.TrimSpace(line)
		if name, heading := sections[p][trimmed]; heading && !strings.HasPrefix(line, " ") {
			section = name
		}
		if note := footnotes[p][trimmed]; note != "" && !strings.HasPrefix(line, " ") {
			foot = note
		} else if trimmed == "" {
			foot = ""
		}
		at := section
		if foot != "" {
			at = foot
		}
		for _, word := range wordOf.FindAllString(line, -1) {
			if word = strings.ToLower(word); at != "" && slices.Contains(normative, word) {
				words[at] = append(words[at], word)
			}
		}
	}
	return words
}

// No sentence with a normative word is left out of clauses.tsv: it has the words of
// the texts, all of them and in their order. What asks nothing says why.
func TestNormativeWords(t *testing.T) {
	listed := map[Profile]map[string][]string{}
	for _, s := range sentences(t) {
		if listed[s.profile] == nil {
			listed[s.profile] = map[string][]string{}
		}
		if add := added[s.section]; s.profile == V10 && s.number > 0 && s.number == add.number {
			require.Equal(t, add.words, s.words)
			continue // not in the text of RFC v2
		}
		listed[s.profile][s.section] = append(listed[s.profile][s.section], s.words...)
	}
	for profile, text := range map[Profile]Profile{RFCv2: RFCv2, V10: RFCv2, V20: V20} {
		want := normativeWords(t, text)
		for section := range want {
			require.Equal(t, want[section], listed[profile][section], "%s %s", profile, section)
		}
		for section := range listed[profile] {
			require.Contains(t, sectionNames(text), section, profile)
		}
	}
}

func sectionNames(p Profile) (names []string) {
	for _, name := range sections[p] {
		names = append(names, name)
	}
	return names
}

// Words are counted where they stand, also in a note at the foot of a page.
func TestNormativeWordsCount(t *testing.T) {
	require.Len(t, normativeWords(t, RFCv2)["Virtual Firmware"], 12)
	require.Len(t, normativeWords(t, V20)["ARM Server Architecture"], 7)
	require.Equal(t, []string{"recommended", "optional"}, normativeWords(t, V20)["VM Platform"][12:])
}

// The masked texts are those of the texts themselves, which VMSPEC_SPEC names the
// folder of. With -update they are written anew.
func TestMaskedTexts(t *testing.T) {
	dir := os.Getenv("VMSPEC_SPEC")
	if dir == "" {
		t.Skip("VMSPEC_SPEC names no folder with rfc-v2.txt and v2.0.txt")
	}
	for p := range sections {
		text, err := os.ReadFile(filepath.Join(dir, string(p)+".txt"))
		require.NoError(t, err)
		file := filepath.Join("testdata/spec", string(p)+".txt")
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(mask(p, string(text))), 0o644))
		}
		masked, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, mask(p, string(text)), string(masked))
	}
}

func TestMask(t *testing.T) {
	require.Equal(t, "Goal\n----\nxxx xx must xxx: xx_x.\n", mask(RFCv2, "Goal\n----\nThe VM must run: a1_z. \n"))
	require.Equal(t, "1\nxx xx Recommended\n", mask(V20, "1\n\u200bIt is Recommended\n"))
}
