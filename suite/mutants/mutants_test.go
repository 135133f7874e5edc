package mutants

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	rows, err := Parse("platform_x.txt", "# a comment\nrow a name of\tseveral words\nkind blind\nguest g\nedit f \"a b\" `c`\nprop /x reg <1 0x2>\nfinds A error \"too busy\"\nwith B skip\nalso C pass\nmay D error \"x\"\n\nrow live\nboot qemu-virt\ntest\ndead\nproof A \"seen\"\nfinds A fail\n")
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, []string{"a name of\tseveral words", "blind", "platform_x.txt:2", "rfc-v2"}, []string{rows[0].Name, rows[0].Kind, rows[0].At, rows[0].Profile})
	require.Equal(t, []Step{{"edit", []string{"f", "a b", "c"}}, {"prop", []string{"/x", "reg", "<1 0x2"}}}, rows[0].Steps)
	require.Equal(t, Expected{"error", "too busy"}, rows[0].Finds["A"])
	require.Equal(t, Expected{"error", "x"}, rows[0].May["D"])
	require.Len(t, rows[0].Expected(), 2)
	require.False(t, rows[0].Kills("A") || rows[0].Live())
	require.True(t, rows[1].Kills("A") && rows[1].Live() && rows[1].Test && rows[1].Dead && !rows[0].Dead)
	require.Equal(t, "platform", rows[1].Kind)
	require.Equal(t, []Proof{{"A", "seen"}}, rows[1].Proof)
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"guest g":                           "x.txt:1: guest stands before the first row",
		"row a\nguest":                      "x.txt:2: guest takes 1 words and has 0",
		"row a\nfinds A":                    "x.txt:2: finds takes 3 words and has 1",
		"row a\nfinds A maybe":              "x.txt:2: maybe is no verdict",
		"row a\nfinds A fail\nfinds A fail": "x.txt:3: A stands twice in a row",
		"row a\nedit f \"a":                 `x.txt:2: "\"a" is no quoted word`,
		"row a\nproof A \"b\" c":            "x.txt:2: proof takes 2 words and has 3",
	} {
		_, err := Parse("x.txt", text)
		require.EqualError(t, err, want)
	}
}

func TestCaughtBy(t *testing.T) {
	rows, err := CaughtBy("PLAT-TIMER")
	require.NoError(t, err)
	require.NotEmpty(t, rows)
	rows, err = CaughtBy("PLAT-NOPE")
	require.NoError(t, err)
	require.Empty(t, rows)
}

// What is read is a row whole, or nothing.
func FuzzParse(f *testing.F) {
	f.Add("row a\nguest g\nedit f \"a\" \"b\"\nfinds A fail \"x\"\n")
	f.Add("row <\nprop /x y <1 2\n`")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := Parse("x.txt", text)
		if err != nil {
			require.Nil(t, rows)
			return
		}
		for _, r := range rows {
			require.NotEmpty(t, r.Profile+r.At, r.Name)
			for id, verdict := range r.Expected() {
				require.NotEmpty(t, verdict, id)
			}
		}
	})
}
