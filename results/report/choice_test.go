package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	gicMet   = Point{ID: "PLAT-GIC", Level: Must, Verdict: Pass}
	rtcLeft  = Point{ID: "FW-RTC", Level: Must, Verdict: Skip, Reason: Skipped}
	coldLeft = Point{ID: "PLAT-HOTPLUG-BUS", Level: StronglyRecommended, Verdict: Skip, Reason: Skipped}
)

// A part is never conformant, whoever chose it.
func TestChosen(t *testing.T) {
	for _, c := range []struct {
		name   string
		choice Choice
		points []Point
		want   Conformance
		says   string
	}{
		{"one of three", Choice{Only: []string{"PLAT-GIC"}, Musts: 3}, []Point{gicMet}, CouldNotTell, "only 1 of 3 musts was chosen"},
		{"all but one", Choice{Skip: []string{"FW-RTC"}, Musts: 2}, []Point{gicMet, rtcLeft}, CouldNotTell, "only 1 of 2 musts was chosen"},
		{"none", Choice{Only: []string{"IMG-GPT"}, Musts: 3}, []Point{{ID: "IMG-GPT", Level: Must, Verdict: Pass}}, CouldNotTell, "only 0 of 3 musts were chosen"},
		{"all musts", Choice{Skip: []string{"PLAT-HOTPLUG-BUS"}, Musts: 1}, []Point{gicMet, coldLeft}, Conformant, ""},
		{"by the host", Choice{Only: []string{"PLAT-GIC"}, Musts: 3, ByHost: true}, []Point{gicMet}, MetAsChosen, "only 1 of 3 musts was chosen"},
		{"none, by the host", Choice{Only: []string{"IMG-GPT"}, Musts: 3, ByHost: true}, nil, CouldNotTell, "only 0 of 3 musts were chosen"},
		{"one that failed", Choice{Only: []string{"PLAT-GIC"}, Musts: 3, ByHost: true}, []Point{{ID: "PLAT-GIC", Level: Must, Verdict: Fail}}, NotConformant, "only 1 of 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Report{Choice: c.choice, Points: c.points}
			got, tally := r.Conclude()
			require.Equal(t, c.want, got)
			require.Contains(t, tally.Chosen(), c.says)
			lines := r.TAP()
			require.Contains(t, strings.Join(lines, "\n"), c.choice.lines()[0])
			if c.says != "" {
				require.Contains(t, r.verdictLines()[0], c.choice.String())
			}
			again := ParseSummary(lines).Choice
			require.Equal(t, c.choice.Only, again.Only)
			require.Equal(t, c.choice.Skip, again.Skip)
			require.Equal(t, c.choice.Musts, again.Musts)
			require.False(t, again.ByHost, "what a guest says is not the host's")
		})
	}
}

// What is beside the report's party is concluded on, and is named.
func TestParties(t *testing.T) {
	r := &Report{Head: Head{"0.1.0", "5d0c1e77", "rfc-v2", "arm64", "a"}, Points: []Point{
		gicMet,
		{ID: "IMG-GPT", Level: Must, Verdict: Fail},
		{ID: "OS-GICV2", Level: Must, Verdict: Pass}, {ID: "OS-NO-ASSUMPTIONS", Level: Must, Verdict: Skip, Reason: "needs-guest-os"},
	}}
	require.Equal(t, []Party{Platform, Image}, r.Parties(), "the suite's own kernel is not under test")
	require.Equal(t, []string{
		"# vmspec: verdict conformant: 0 of 1 musts judged failed; 0 not judged",
		"# vmspec: verdict image not-conformant: 1 of 1 musts judged failed; 0 not judged",
	}, r.verdictLines())
	require.Equal(t, Conformant, ParseSummary(r.TAP()).Verdict)
	for _, line := range r.TAP()[2:] {
		_, end := ParseEnd(line)
		require.True(t, end || IsLine(line), line)
	}
}

func TestChoiceLines(t *testing.T) {
	var ids []string
	for i := range 40 {
		ids = append(ids, fmt.Sprintf("PLAT-NUMBER-%d", i))
	}
	c := Choice{Only: ids, Skip: ids[:1], Musts: 25}
	var again Choice
	for _, line := range c.lines() {
		require.LessOrEqual(t, len(line), MaxLine)
		require.True(t, again.parse(line), line)
	}
	require.Equal(t, c, again)
	require.True(t, c.Same(again))
	again.Skip = nil
	require.False(t, c.Same(again))
	require.False(t, again.Same(c))
	require.Empty(t, (&Choice{Musts: 25}).lines())
	for _, line := range []string{
		"", "# vmspec: chosen", "# vmspec: chosen of 25 musts: ", "# vmspec: chosen of 25 musts: only", "# vmspec: chosen of musts: only A",
		"# vmspec: chosen of 25 musts: only a", "# vmspec: chosen of 25 musts: only A  B", "# vmspec: chosen of 25 musts: all A",
		"# vmspec: chosen of 99999 musts: only A",
	} {
		require.False(t, again.parse(line), line)
	}
}
