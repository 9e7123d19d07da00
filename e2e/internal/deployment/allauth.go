package deployment

import "strings"

// SocialProviders are the names of the provider apps that allauth has, in any of
// the versions that Paperless-ngx came with: allauth.socialaccount.providers.NAME.
func SocialProviders() []string {
	return strings.Fields(`
		agave amazon amazon_cognito apple asana atlassian auth0 authentiq baidu basecamp battlenet bitbucket_oauth2
		bitly box cern cilogon clever coinbase dataporten daum digitalocean dingtalk discogs discord disqus douban
		doximity draugiem drip dropbox dwolla edmodo edx eventbrite eveonline evernote exist facebook feedly feishu
		figma fivehundredpx flickr foursquare frontier fxa gitea github gitlab globus google gumroad hubic hubspot
		instagram jupyterhub kakao lemonldap lichess line linkedin_oauth2 mailchimp mailcow mailru mastodon mediawiki
		meetup microsoft miro naver netiq nextcloud notion oauth oauth2 odnoklassniki okta openid openid_connect
		openstreetmap orcid patreon paypal pinterest pocket questrade quickbooks reddit robinhood salesforce saml
		sharefile shopify slack snapchat soundcloud spotify stackexchange steam stocktwits strava stripe telegram
		tiktok trainingpeaks trello tumblr tumblr_oauth2 twentythreeandme twitch twitter twitter_oauth2 untappd vimeo
		vimeo_oauth2 vk wahoo weibo weixin windowslive wordpress xing yahoo yandex ynab zoho zoom
	`)
}

// SocialApp is the Django app of one of allauth's providers.
func SocialApp(name string) string { return "allauth.socialaccount.providers." + name }
