package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConclude(t *testing.T) {
	platform := func(level Level, v Verdict) Point { return Point{ID: "PLAT-GIC", Level: level, Verdict: v} }
	guestOS := func(level Level, v Verdict) Point { return Point{ID: "OS-GICV2", Level: level, Verdict: v} }
	image := func(level Level, v Verdict) Point { return Point{ID: "IMG-GPT", Level: level, Verdict: v} }
	for _, c := range []struct {
		name     string
		points   []Point
		problems []string
		want     Conformance
		tally    Tally
	}{
		{"nothing judged", nil, nil, CouldNotTell, Tally{}},
		{"a must failed", []Point{platform(Must, Pass), platform(Must, Fail)}, nil, NotConformant, Tally{Judged: 2, Failed: 1}},
		{"a failure outweighs an error", []Point{platform(Must, Error), platform(Must, Fail)}, nil, NotConformant, Tally{Judged: 1, Failed: 1, Open: 1, Errors: 1}},
		{"an error", []Point{platform(Must, Pass), platform(Must, Error)}, nil, CouldNotTell, Tally{Judged: 1, Open: 1, Errors: 1}},
		{"an error of a should", []Point{platform(Must, Pass), platform(Should, Error)}, nil, Conformant, Tally{Judged: 1, Doubts: 1}},
		{"only recommendations", []Point{platform(Should, Pass)}, nil, CouldNotTell, Tally{}},
		{"a skipped must", []Point{platform(Must, Pass), platform(Must, Skip)}, nil, Conformant, Tally{Judged: 1, Open: 1}},
		{"a skipped recommendation", []Point{platform(Must, Pass), platform(Recommended, Skip)}, nil, Conformant, Tally{Judged: 1}},
		{"what no text asks", []Point{platform(Must, Pass), platform(Info, Fail), platform(Info, Error)}, nil, Conformant, Tally{Judged: 1}},
		{"a missed recommendation", []Point{platform(Must, Pass), platform(Recommended, Fail)}, nil, Conformant, Tally{Judged: 1, Missed: 1}},
		{"a guest OS beside a platform", []Point{platform(Must, Pass), guestOS(Must, Fail), guestOS(Must, Error), guestOS(Should, Error)}, nil, Conformant, Tally{Judged: 1}},
		{"a guest OS alone", []Point{guestOS(Must, Pass), guestOS(Must, Fail)}, nil, NotConformant, Tally{Judged: 2, Failed: 1}},
		{"a guest OS in an image", []Point{image(Must, Pass), guestOS(Must, Fail)}, nil, Conformant, Tally{Judged: 1}},
		{"an image beside a platform", []Point{platform(Must, Pass), image(Must, Fail), image(Must, Error)}, nil, Conformant, Tally{Judged: 1}},
		{"nothing judged of the platform", []Point{platform(Must, Skip), guestOS(Must, Pass)}, nil, CouldNotTell, Tally{Open: 1}},
		{"a wrong parameter", []Point{platform(Must, Pass)}, []string{"vmspec.x=: no"}, CouldNotTell, Tally{Judged: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Report{Points: c.points, Problems: c.problems}
			got, tally := r.Conclude()
			require.Equal(t, c.want, got)
			require.Equal(t, c.tally, tally)
			parsed, party, ok := parseVerdict(r.verdictLines()[0])
			require.True(t, ok)
			require.Empty(t, party)
			require.Equal(t, got, parsed)
		})
	}
}

func TestTallyString(t *testing.T) {
	require.Equal(t, "1 of 2 musts judged failed; 3 not judged", Tally{Judged: 2, Failed: 1, Open: 3, Missed: 4, Errors: 5}.String())
	require.Equal(t, "only 1 of 3 musts was chosen", Tally{Judged: 1, LeftOut: 2}.Chosen())
	require.Equal(t, "only 2 of 3 musts were chosen", Tally{Judged: 1, Open: 1, LeftOut: 1}.Chosen())
}

func TestExitStatus(t *testing.T) {
	for c, want := range map[Conformance]int{Conformant: 0, MetAsChosen: 0, NotConformant: 1, CouldNotTell: 2, "": 3, "unusable": 3} {
		require.Equal(t, want, c.ExitStatus(), c)
	}
}
