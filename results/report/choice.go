package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Choice says which requirements a guest judged, as the parameters "only" and
// "skip" have it. They may come from the VM under test.
type Choice struct {
	Only, Skip []string // IDs
	Musts      int      // how many the profile asks of the report's party in all
	// ByHost tells that the host's own command line chose the same. It is not
	// on the wire.
	ByHost bool
}

// LeftOut tells whether the point is in the report only by its name.
func (p Point) LeftOut() bool { return p.Verdict == Skip && p.Reason == Skipped }

// Any tells whether anything was chosen.
func (c Choice) Any() bool { return len(c.Only)+len(c.Skip) > 0 }

// Same tells whether two choices leave out the same.
func (c Choice) Same(other Choice) bool {
	return equalSets(c.Only, other.Only) && equalSets(c.Skip, other.Skip)
}

func equalSets(a, b []string) bool {
	within := func(list []string) func(string) bool {
		return func(id string) bool { return !slices.Contains(list, id) }
	}
	return !slices.ContainsFunc(a, within(b)) && !slices.ContainsFunc(b, within(a))
}

// String names the choice as the parameters do.
func (c Choice) String() string {
	var parts []string
	for _, list := range c.lists() {
		if len(*list.ids) > 0 {
			parts = append(parts, "vmspec."+list.word+"="+strings.Join(*list.ids, ","))
		}
	}
	return strings.Join(parts, " ")
}

type choiceList struct {
	word string
	ids  *[]string
}

func (c *Choice) lists() [2]choiceList { return [...]choiceList{{"only", &c.Only}, {"skip", &c.Skip}} }

// chosenMark begins the lines of a choice:
//
//	# vmspec: chosen of 25 musts: only PLAT-GIC PLAT-TIMER
const chosenMark = Mark + "chosen of "

// lines write the choice, a list in as many lines as it takes.
func (c *Choice) lines() (lines []string) {
	for _, list := range c.lists() {
		start := fmt.Sprintf("%s%d musts: %s", chosenMark, c.Musts, list.word)
		line := start
		for _, id := range *list.ids {
			if len(line)+len(" ")+len(id) > MaxLine {
				lines, line = append(lines, line), start
			}
			line += " " + id
		}
		if line != start {
			lines = append(lines, line)
		}
	}
	return lines
}

// parse reads one of these lines.
func (c *Choice) parse(line string) bool {
	text, ok := strings.CutPrefix(line, chosenMark)
	number, text, of := strings.Cut(text, " musts: ")
	words := strings.Split(text, " ")
	if !ok || !of || !isNumber(number) || len(words) < 2 || slices.ContainsFunc(words[1:], func(w string) bool { return !isID(w) }) {
		return false
	}
	for _, list := range c.lists() {
		if list.word == words[0] {
			c.Musts, _ = strconv.Atoi(number) // four digits at most
			*list.ids = append(*list.ids, words[1:]...)
			return true
		}
	}
	return false
}
