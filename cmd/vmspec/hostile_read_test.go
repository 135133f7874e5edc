package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	renderer "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"vmspec/results"
)

// dense is a text without white space, since it may be wrapped, and control
// characters.
func dense(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || unicode.IsControl(c) {
			return -1
		}
		return c
	}, text)
}

// steady fails if a terminal would take something in a text for a command.
func steady(t *testing.T, text string) {
	t.Helper()
	require.Negative(t, strings.IndexFunc(text, func(c rune) bool {
		return c != '\n' && (unicode.IsControl(c) || unicode.In(c, unicode.Bidi_Control, unicode.Zl, unicode.Zp))
	}), "%q", text)
}

func commandFree(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		require.False(t, strings.HasPrefix(strings.TrimSpace(line), "::"), line)
	}
}

func shownTAP(t *testing.T, text string) display {
	steady(t, text)
	commandFree(t, text)
	r, err := results.Parse(strings.NewReader(text), "")
	require.NoError(t, err)
	var b, skeleton strings.Builder
	for _, p := range r.Points {
		b.WriteString(p.Found + p.Problem)
		fmt.Fprintln(&skeleton, p.Number, p.ID, p.Verdict, p.Level)
	}
	return display{text: b.String(), skeleton: skeleton.String()}
}

func shownText(t *testing.T, text string) display {
	steady(t, text)
	commandFree(t, text)
	labels := regexp.MustCompile(`(?m)^(?:failed|missed|error|note|skipped) `).FindAllString(text, -1)
	// Where a line would begin by a command, its colons are apart.
	return display{text: strings.ReplaceAll(text, ": :", "::"), skeleton: strings.Join(labels, "\n")}
}

func shownJSON(t *testing.T, text string) display {
	steady(t, text)
	commandFree(t, text)
	var value any
	require.NoError(t, json.Unmarshal([]byte(text), &value))
	var all, keys strings.Builder
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				keys.WriteString(key + "\n")
				walk(v[key])
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		case string:
			all.WriteString(v + "\n")
		}
	}
	walk(value)
	return display{text: all.String(), skeleton: keys.String()}
}

func shownJUnit(t *testing.T, text string) display {
	steady(t, strings.ReplaceAll(text, "\t", " "))
	commandFree(t, text)
	in := xml.NewDecoder(strings.NewReader(text))
	var all, skeleton strings.Builder
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return display{text: all.String(), skeleton: skeleton.String()}
		}
		require.NoError(t, err)
		switch v := token.(type) {
		case xml.StartElement:
			skeleton.WriteString("<" + v.Name.Local)
			for _, a := range v.Attr {
				skeleton.WriteString(" " + a.Name.Local)
				all.WriteString(a.Value + "\n")
			}
		case xml.CharData:
			all.Write(v)
		case xml.EndElement:
			skeleton.WriteString(">")
		case xml.Comment, xml.Directive:
			require.Fail(t, "no comment or directive is ours")
		}
	}
}

// shownHTML reads as a browser does.
func shownHTML(t *testing.T, text string) display {
	steady(t, strings.ReplaceAll(text, "\t", " "))
	commandFree(t, text)
	return parseHTML(t, text)
}

// inlineCode is no structure: what guests wrote may be within it or not.
var inlineCode = map[string]bool{"code": true}

func parseHTML(t *testing.T, text string) display {
	root, err := html.Parse(strings.NewReader(text))
	require.NoError(t, err)
	var all, skeleton strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			all.WriteString(n.Data)
		case n.Type == html.CommentNode:
			require.Fail(t, "no comment is ours", n.Data)
		case n.Data == "script" || n.Data == "style":
			fmt.Fprintf(&skeleton, "<%s %x>", n.Data, sha256.Sum256([]byte(n.FirstChild.Data)))
			return
		case n.Type == html.ElementNode && !inlineCode[n.Data]:
			skeleton.WriteString("<" + n.Data)
			for _, a := range n.Attr {
				if a.Key == "aria-label" {
					all.WriteString(a.Val + "\n")
					a.Val = "text"
				}
				fmt.Fprintf(&skeleton, " %s=%s", a.Key, a.Val)
			}
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
		if n.Type == html.ElementNode && !inlineCode[n.Data] {
			skeleton.WriteString(">")
		}
	}
	walk(root)
	return display{text: all.String(), skeleton: skeleton.String()}
}

// shownMarkdown reads as GitHub does, but lets raw HTML stand.
func shownMarkdown(t *testing.T, text string) display {
	steady(t, text)
	commandFree(t, text)
	var page bytes.Buffer
	gfm := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote), goldmark.WithRendererOptions(renderer.WithUnsafe()))
	require.NoError(t, gfm.Convert([]byte(text), &page))
	return parseHTML(t, page.String())
}

// shownGitHub reads commands as the runner does: at the beginning of a line.
func shownGitHub(t *testing.T, text string) display {
	steady(t, text)
	var said, commands strings.Builder
	at := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "::") {
			break
		}
		command, message, found := strings.Cut(strings.TrimPrefix(line, "::"), "::")
		require.True(t, found)
		name, properties, _ := strings.Cut(command, " ")
		commands.WriteString(name)
		for property := range strings.SplitSeq(properties, ",") {
			key, value, _ := strings.Cut(property, "=")
			commands.WriteString(" " + key)
			said.WriteString(unescape.Replace(value) + "\n")
		}
		said.WriteString(unescape.Replace(message))
		at += len(line)
	}
	require.Positive(t, at)
	summary := shownMarkdown(t, text[at:])
	return display{text: said.String() + summary.text, skeleton: commands.String() + summary.skeleton}
}

var unescape = strings.NewReplacer("%0A", "\n", "%0D", "\r", "%3A", ":", "%2C", ",", "%25", "%")
