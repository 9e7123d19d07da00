package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // screenshots are PNG
)

// heavy is the size from which a picture goes into the page as JPEG: a sign-in
// page with a photograph behind it is a PNG of more than a megabyte.
const heavy = 100 << 10

// smallWidth is how wide a heavy picture of a check that passed may be: few
// users look at it, and there are many.
const smallWidth = 800

// A picture is a screenshot. It stands once in the page, however often it is
// shown: many checks begin at the same sign-in page.
type picture struct {
	ID   string
	Src  template.URL
	W, H int // as it was taken; the data may be smaller
	// part is where there is something to see; empty: the picture is of one colour.
	part image.Rectangle
}

// A gallery are the pictures of a page.
type gallery struct {
	all  []*picture
	seen map[[sha256.Size]byte]*picture
}

// put takes a PNG in; nil when it cannot be read.
func (g *gallery) put(png []byte, small bool) *picture {
	sum := sha256.Sum256(png)
	if p, ok := g.seen[sum]; ok {
		return p
	}
	img, _, err := image.Decode(bytes.NewReader(png))
	if err != nil {
		return nil
	}
	p := &picture{W: img.Bounds().Dx(), H: img.Bounds().Dy(), part: inked(img), ID: fmt.Sprintf("picture-%d", len(g.all)+1)}
	kind, data := "png", png
	if len(png) > heavy {
		if small {
			img = narrowed(img, smallWidth)
		}
		var buf bytes.Buffer
		if jpeg.Encode(&buf, img, &jpeg.Options{Quality: 72}) == nil && buf.Len() < len(png) {
			kind, data = "jpeg", buf.Bytes()
		}
	}
	p.Src = template.URL("data:image/" + kind + ";base64," + base64.StdEncoding.EncodeToString(data))
	if g.seen == nil {
		g.seen = map[[sha256.Size]byte]*picture{}
	}
	g.seen[sum] = p
	g.all = append(g.all, p)
	return p
}

// inked is the smallest rectangle with all pixels that are not of the colour of
// the upper right corner, which is background on all pages that we know.
func inked(img image.Image) image.Rectangle {
	b := img.Bounds()
	if b.Empty() {
		return b
	}
	ground := img.At(b.Max.X-1, b.Min.Y)
	var part image.Rectangle
	const every = 4 // finer is slower, and letters are thicker
	for y := b.Min.Y; y < b.Max.Y; y += every {
		for x := b.Min.X; x < b.Max.X; x += every {
			if far(img.At(x, y), ground) {
				part = part.Union(image.Rect(x, y, x+every, y+every))
			}
		}
	}
	return part.Sub(b.Min)
}

// far reports whether an eye sees two colours apart.
func far(a, b color.Color) bool {
	const near = 16 << 8
	r1, g1, b1, _ := a.RGBA()
	r2, g2, b2, _ := b.RGBA()
	d := func(x, y uint32) bool { return max(x, y)-min(x, y) > near }
	return d(r1, r2) || d(g1, g2) || d(b1, b2)
}

// narrowed is a picture of at most this width; each pixel is the mean of those
// that it stands for.
func narrowed(img image.Image, width int) image.Image {
	b := img.Bounds()
	if b.Dx() <= width {
		return img
	}
	height := max(1, b.Dy()*width/b.Dx())
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		y0, y1 := b.Min.Y+y*b.Dy()/height, b.Min.Y+(y+1)*b.Dy()/height
		for x := range width {
			x0, x1 := b.Min.X+x*b.Dx()/width, b.Min.X+(x+1)*b.Dx()/width
			var sum [3]uint32
			n := uint32((y1 - y0) * (x1 - x0))
			for v := y0; v < y1; v++ {
				for u := x0; u < x1; u++ {
					r, g, bl, _ := img.At(u, v).RGBA()
					sum[0], sum[1], sum[2] = sum[0]+r>>8, sum[1]+g>>8, sum[2]+bl>>8
				}
			}
			out.SetRGBA(x, y, color.RGBA{uint8(sum[0] / n), uint8(sum[1] / n), uint8(sum[2] / n), 255})
		}
	}
	return out
}

// shotView is a picture with the step that it shows.
type shotView struct {
	*picture
	Name, Error string
	N           int
	Seconds     float64
	Full, Part  string // view boxes: all of it, and where there is something to see
	Rect        *box   // the element that was pressed or filled; nil: none
}

type box struct{ X, Y, W, H float64 }

// The shape of a thumbnail, and the least that it shows: closer would be a
// picture of letters.
const (
	thumbWidth, thumbHeight = 16, 11
	closest                 = 380
	// widest is how much of a page a thumbnail shows where not all of it is: letters
	// of 16 pixels can still be read in it.
	widest = 620
)

func newShot(p *picture, name string) shotView {
	v := shotView{picture: p, Name: name}
	v.Full = fmt.Sprintf("0 0 %d %d", p.W, p.H)
	v.Part = v.Full
	return v
}

// outline marks an element, in pixels of the page.
func (v *shotView) outline(r []float64) {
	if len(r) == 4 && v.W > 0 && v.H > 0 {
		v.Rect = &box{r[0] - 3, r[1] - 3, r[2] + 6, r[3] + 6}
	}
}

// crop looks at the element, else at where there is something to see.
func (v *shotView) crop() {
	part := v.part.Inset(-24)
	if r := v.Rect; r != nil {
		part = image.Rect(int(r.X), int(r.Y), int(r.X+r.W), int(r.Y+r.H)).Inset(-60)
	}
	w := max(part.Dx(), part.Dy()*thumbWidth/thumbHeight, closest)
	h := w * thumbHeight / thumbWidth
	if w >= v.W*4/5 || h >= v.H*4/5 {
		w, h = v.W, v.W*thumbHeight/thumbWidth
		v.Part = fmt.Sprintf("0 %d %d %d", max(0, min(v.H-h, (part.Min.Y+part.Max.Y-h)/2)), w, h)
		return
	}
	w = min(w, widest)
	h = w * thumbHeight / thumbWidth
	v.Part = fmt.Sprintf("%d %d %d %d", window(part.Min.X, part.Max.X, w, v.W), window(part.Min.Y, part.Max.Y, h, v.H), w, h)
}

// window is where a window of a size begins that shows what lies between two
// points: around its middle, or from its start where not all of it fits.
func window(from, to, size, whole int) int {
	at := (from + to - size) / 2
	if to-from > size {
		at = from
	}
	return max(0, min(whole-size, at))
}

// film are the pictures of a check: of its steps, and of where it ended unless
// that is the last step's again, or blank.
func (v *checkView) film(c *Check, g *gallery) {
	small := c.Passed()
	for i, s := range c.Steps {
		png := c.shots[s.Screenshot]
		if len(png) == 0 {
			continue
		}
		p := g.put(png, small)
		if p == nil {
			continue
		}
		shot := newShot(p, s.Name)
		shot.N, shot.Error, shot.Seconds = i+1, s.Error, s.Seconds
		shot.outline(s.Rect)
		shot.crop()
		v.Film = append(v.Film, shot)
	}
	if len(c.screenshot) == 0 {
		return
	}
	if p := g.put(c.screenshot, small); p != nil && !p.part.Empty() {
		shot := newShot(p, "where it ended")
		shot.crop()
		v.Last = &shot
	}
}
