// A token from Lingpai with Go's own HTTP client: go run ask.go
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
)

func ask(method, path string, form url.Values) string {
	request, err := http.NewRequest(method, os.Getenv("URL")+path, strings.NewReader(form.Encode()))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("KEY"))
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		log.Fatal(answer.Status, string(body))
	}
	return string(body)
}

func main() {
	fmt.Println(ask("GET", "/v1/tokens/wechat/"+os.Getenv("APPID"), nil)) // {"platform":…,"value":"<token>",…}
	fmt.Println(ask("POST", "/keeper/report", url.Values{"access_token": {"a token that was refused"}}))
}
