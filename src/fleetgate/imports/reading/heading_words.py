"""The words of headings in the languages of the factories: which column they name, and what hints at one."""

from collections.abc import Iterator, Mapping

# By the name of each column: its headings, a language a line. Case, accents, spaces and punctuation do not matter.
HEADINGS: Mapping[str, str] = {
    "Serial Number": """
        English: serial number, serial numbers, serial no, serial num, serial nr, serial, S/N, SN, S No, serial id,
            device serial, device serial number, device serial no, device SN, product serial number, product SN,
            unit serial number, unit serial no, manufacturer serial number
        German: Seriennummer, Seriennummern, Serien-Nr, Ser-Nr, SNR, Geräteseriennummer, Produktseriennummer,
            Fabriknummer, Fabrik-Nr, Fabrikationsnummer
        French: numéro de série, numéros de série, n de série, no de série, nr de série, num de série, numéro série,
            n série, no série, num série, numéro de série du produit, numéro de série de l'appareil
        Spanish: número de serie, números de serie, n de serie, no de serie, núm de serie, número serie, n serie,
            número de serie del producto, número de serie del equipo, número de serie del dispositivo, número serial
        Italian: numero di serie, numeri di serie, n di serie, no di serie, nr di serie, num di serie, nr serie,
            numero seriale, n seriale, seriale, codice seriale, matricola, numero di matricola, n matricola
        Portuguese: número de série, n de série, número serial, número de série do produto,
            número de série do equipamento, número de série do dispositivo
        Chinese: 序列号, 序列号码, 产品序列号, 设备序列号, 机器序列号, 机身序列号, 产品序号, 设备序号, 出厂编号, SN号,
            SN码, 产品SN, 设备SN, 序列號, 序列號碼, 產品序列號, 設備序列號, 裝置序列號, 機器序列號, 產品序號, 設備序號,
            裝置序號, 機身序號, 機器序號, 出廠序號, 出廠編號, SN碼
        Japanese: シリアル番号, シリアルナンバー, シリアル, シリアルNo, 製造番号, 製造No, 製番, 製品シリアル番号,
            機器シリアル番号, 本体シリアル番号, 装置シリアル番号
        Korean: 일련번호, 시리얼번호, 시리얼, 시리얼넘버, 제조번호, 제품 일련번호, 제품 시리얼번호, 장치 일련번호,
            기기 일련번호, 장비 일련번호
    """,
    # With the word for an interface in front or behind, too.
    "MAC Address": """
        English: MAC, MACs, MAC id, MAC addr, MAC address, MAC addresses, MAC adress, MAC number, MAC no, EUI-48,
            EUI-64, IEEE address
        German: MAC-Adresse, MAC-Adressen, MAC-Adr, MAC-Nummer, MAC-Nr
        French: adresse MAC, adresses MAC, adr MAC
        Spanish: dirección MAC, direcciones MAC, dir MAC
        Italian: indirizzo MAC, indirizzi MAC
        Portuguese: endereço MAC, endereços MAC
        Chinese: MAC地址, 物理地址, MAC位址, 實體位址, MAC码, MAC碼
        Japanese: MACアドレス, 物理アドレス
        Korean: MAC 주소, MAC 어드레스, 맥 주소, 맥 어드레스, 물리적 주소
    """,
    "Operation": """
        English: operation, action, op
        German: Vorgang, Aktion
        French: opération
        Spanish: operación, acción
        Italian: operazione, azione
        Portuguese: operação, ação, acção
        Chinese: 操作, 动作, 動作
        Japanese: アクション, オペレーション
        Korean: 작업, 동작, 조작, 액션
    """,
    "Valid From": """
        English: valid from, valid after, valid since, not before, not valid before, start date, validity start,
            start of validity, effective from
        German: gültig ab, gültig von, gültig seit, Gültigkeitsbeginn, Beginn der Gültigkeit, Startdatum
        French: valable à partir du, valide à partir du, valable dès le, valide dès le, valable du, valide du,
            début de validité, date de début, date de début de validité
        Spanish: válido desde, válida desde, vigente desde, fecha de inicio, inicio de validez, inicio de vigencia
        Italian: valido da, valido dal, valida dal, data inizio, data di inizio, inizio validità, data inizio validità
        Portuguese: válido de, válido desde, válido a partir de, início da validade, data de início
        Chinese: 生效日期, 生效时间, 有效期开始, 有效期从, 有效期自, 有效期起, 开始日期, 生效時間, 有效期開始, 有效期從,
            開始日期
        Japanese: 有効開始日, 有効開始日時, 有効期間開始, 有効期間開始日, 開始日
        Korean: 유효 시작일, 유효 시작, 유효 시작 일시, 유효기간 시작, 유효기간 시작일, 시작일
    """,
    "Valid Until": """
        English: valid until, valid to, valid till, valid through, valid thru, valid up to, not after,
            not valid after, expiry, expires, expire, expires on, expires at, expiry date, expire date, expiration,
            expiration date, expiry time, expiration time, end date, validity end, end of validity
        German: gültig bis, Gültigkeit bis, Gültigkeitsende, Ende der Gültigkeit, Ablaufdatum, Ablauf, läuft ab,
            läuft ab am, Verfallsdatum, Verfalldatum, Enddatum, befristet bis
        French: valable jusqu'au, valide jusqu'au, valable jusqu'à, valide jusqu'à, validité jusqu'au, expire le,
            date d'expiration, date de fin, date de fin de validité, fin de validité, date limite de validité,
            échéance, date d'échéance, date de péremption
        Spanish: válido hasta, válida hasta, vigente hasta, fecha de vencimiento, vencimiento, vence, vence el,
            fecha de caducidad, caducidad, caduca, caduca el, fecha de expiración, expiración, expira, fecha de fin,
            fin de validez, fin de vigencia
        Italian: valido fino al, valido fino a, valida fino al, data di scadenza, data scadenza, scadenza, scade il,
            fine validità, data fine validità, data di fine validità, data fine
        Portuguese: válido até, válida até, validade, validade até, data de validade, data de vencimento, vencimento,
            data de expiração, expiração, expira em, vence em, fim da validade, data de término
        Chinese: 有效期至, 有效期到, 有效期, 有效期限, 有效期截止, 有效至, 有效日期, 有效截止日期, 截止日期, 到期日,
            到期日期, 到期时间, 失效日期, 失效时间, 过期日期, 过期时间, 到期時間, 失效時間, 過期日期, 過期時間
        Japanese: 有効期限, 有効期限日, 有効期限日時, 有効終了日, 有効期間終了, 有効期間終了日, 失効日, 失効日時, 期限,
            終了日, 満了日
        Korean: 유효기간, 유효기한, 유효 종료일, 유효기간 종료, 유효기간 종료일, 유효 만료일, 만료일, 만료일자,
            만료일시, 만료 날짜, 만기일, 종료일, 기한
    """,
    "Templates": """
        English: template, templates, template name, template names, provisioning template, provisioning templates,
            provisioning template name, provisioning template names
        German: Vorlage, Vorlagen, Vorlagenname, Bereitstellungsvorlage, Bereitstellungsvorlagen
        French: gabarit, gabarits, modèle de provisionnement, modèle d'approvisionnement
        Spanish: plantilla, plantillas, nombre de la plantilla, plantilla de aprovisionamiento
        Italian: modello di provisioning
        Portuguese: modelo de provisionamento
        Chinese: 模板, 模版, 模板名称, 预置模板, 配置模板, 範本, 範本名稱, 模板名稱, 佈建範本
        Japanese: テンプレート, テンプレート名, プロビジョニングテンプレート
        Korean: 템플릿, 템플릿명, 템플릿 이름, 프로비저닝 템플릿
    """,
    "Public Key": """
        English: public key, pub key, device public key, public key PEM, public key DER, public key Base64,
            subject public key, subject public key info, SPKI, device key, public key fingerprint, key fingerprint,
            public key SHA-256, public key hash, SPKI SHA-256, SPKI fingerprint, CSR, CSR PEM,
            certificate signing request, certificate request, device CSR, PKCS#10, certificate PEM,
            device certificate, device certificate PEM, device cert, device cert PEM, client certificate,
            client certificate PEM
        German: öffentlicher Schlüssel, Geräteschlüssel, Gerätezertifikat
        French: clé publique, certificat de l'appareil
        Spanish: clave pública, llave pública, certificado del dispositivo
        Italian: chiave pubblica, certificato del dispositivo
        Portuguese: chave pública, certificado do dispositivo
        Chinese: 公钥, 公开密钥, 设备公钥, 公钥指纹, 设备证书, 公鑰, 公開金鑰, 設備公鑰, 公鑰指紋, 裝置憑證, 設備憑證
        Japanese: 公開鍵, 公開鍵フィンガープリント, デバイス証明書
        Korean: 공개키, 장치 인증서, 디바이스 인증서, 기기 인증서
    """,
    "Model": """
        English: model, model name, model number, model no, model num, model nr, product model, device model
        German: Modell, Modellname, Modellnummer, Modell-Nr, Modellbezeichnung, Gerätemodell
        French: modèle, nom du modèle, numéro de modèle, n de modèle, no de modèle
        Spanish: modelo, nombre del modelo, número de modelo, n de modelo, no de modelo
        Italian: modello, nome modello, nome del modello, numero modello, numero di modello
        Portuguese: modelo, nome do modelo, número do modelo
        Chinese: 型号, 产品型号, 设备型号, 机型, 规格型号, 型號, 產品型號, 設備型號, 機型, 規格型號
        Japanese: 型番, 製品型番, 型式, 型名, 機種, 機種名, モデル, モデル名, モデル番号
        Korean: 모델, 모델명, 모델 이름, 모델번호, 제품 모델, 기종
    """,
    "Hardware Revision": """
        English: hardware revision, hardware rev, hardware version, HW revision, HW rev, HW version
        German: Hardwarestand, HW-Stand, Hardwarerevision
        French: révision matérielle, version matérielle, révision du matériel, version du matériel
        Spanish: revisión de hardware, versión de hardware, revisión del hardware, versión del hardware
        Italian: revisione hardware, versione hardware
        Portuguese: revisão de hardware, versão de hardware, revisão do hardware, versão do hardware
        Chinese: 硬件版本, 硬件版本号, 硬件修订, 硬體版本, 硬體修訂
        Japanese: ハードウェアリビジョン, ハードウェアバージョン, HWリビジョン, HWバージョン
        Korean: 하드웨어 버전, 하드웨어 리비전, HW 버전
    """,
    "Group": """
        English: group, group name, thing group, thing group name
        German: Gruppe, Gruppenname, Thing-Gruppe
        French: groupe, nom du groupe, groupe d'objets
        Spanish: grupo, nombre del grupo, grupo de cosas
        Italian: gruppo, nome del gruppo, gruppo di oggetti
        Portuguese: nome do grupo, grupo de coisas
        Chinese: 组, 分组, 群组, 设备组, 事物组, 組, 分組, 群組, 設備組, 事物群組
        Japanese: グループ, グループ名, モノのグループ
        Korean: 그룹, 그룹명, 그룹 이름, 사물 그룹
    """,
}

# Serial numbers in Taiwan, and the number of the row elsewhere: they count only where no other column does.
WEAK_SERIAL_NUMBERS = "序號"

# Words that say which interface a MAC address belongs to.
INTERFACES = """
    wifi wlan wireless ethernet eth lan wan wired bluetooth bt ble zigbee thread device base primary secondary port
    nic interface main first second 24ghz 5ghz 6ghz product unit of
    filaire sansfil inalambrica cableada 无线 有线 蓝牙 以太网 网卡 网口 设备 产品 無線 有線 藍牙 藍芽 乙太網路 網卡
    設備 裝置 產品 本体 機器 イーサネット ブルートゥース 무선 유선 블루투스 이더넷 장치 기기 제품
"""

# Words that say how a cell is written, or that it must be there: they change nothing about what a heading means. A
# time zone other than UTC does.
MARKS = """
    utc gmt iso iso8601 8601 rfc3339 yyyy yy mm dd hh ss yyyymmdd ddmmyyyy hex hexadecimal text string ascii unique
    required mandatory optional
    pflicht pflichtfeld erforderlich tt jjjj jj ttmmjjjj hexadezimal
    obligatoire requis facultatif aaaa jjmmaaaa aa
    obligatorio obligatoria requerido requerida opcional ddmmaaaa
    obbligatorio obbligatoria richiesto facoltativo gg ggmmaaaa
    obrigatorio obrigatoria
    必填 必填项 必填項 选填 選填 可选 可選 年月日 世界标准时间 世界協調時間
    必須 必要 任意 協定世界時
    필수 선택 년월일
"""

# The same, where a heading is not known with them.
DATE_WORDS = "date datetime datum data fecha time timestamp 日期 时间 時間 日付 日時 날짜 일자 일시"

# By the column they hint at: the beginnings of words in headings that nobody knows. A Chinese, Japanese or Korean one
# may stand anywhere; $ ends a word.
HINTS: Mapping[str, str] = {
    "Serial Number": """
        serial serien serie$ seriennummer snr$ sn$ matricol matricul
        序列 シリアル 製造番号 일련 시리얼
    """,
    "MAC Address": "mac$ macs$ macadd macadr macid eui$ eui48 eui64 物理地址 實體位址 맥주소",
    "Operation": """
        operation$ operations$ operationtype action block revok revoc replac delete remove$ removed$ removal
        allow$ deny$ denied$ blacklist whitelist denylist allowlist withdraw
        aktion vorgang widerruf sperr gesperrt losch loesch
        operacion accion operazion azion operacao acao accao bloqu blocc revoq revog anular annul supprim elimin
        操作 动作 動作 吊销 吊銷 撤销 撤銷 禁用 停用 封锁 封鎖 删除 刪除 アクション 失効 取消 無効 ブロック 削除
        작업 동작 조작 폐기 취소 차단 삭제 해지
    """,
    "Valid From": "notbefore startdate effective$ 生效 開始日",
    "Valid Until": """
        valid$ validity validuntil validto validtill validfrom validthr invalid$ until till$ expir notafter
        enddate deadline lifetime ttl$
        gultig gueltig ungultig ungueltig ablauf ablaeuf verfall befrist frist bis$
        valable valide$ validite valido$ valida$ validez validita validade echeance peremption jusqu vigen vencim
        vence caduc hasta$ scaden scade$ fino$ ate$
        有效 到期 失效 截止 过期 過期 期限 有効 満了 유효 만료 만기 기한
    """,
    "Templates": "template vorlage gabarit plantilla 模板 模版 範本 テンプレート 템플릿",
    "Public Key": """
        key$ keys$ publickey pubkey csr$ spki certificat$ certificate certificad fingerprint
        schlussel schluessel zertifikat fingerabdruck cle$ cles$ clave$ claves$ llave chiave chave empreinte
        密钥 密鑰 金鑰 公钥 公鑰 证书 證書 憑證 鍵 証明書 공개키 개인키 인증서
    """,
}

# Words that hint at nothing, although they begin like one that does.
HARMLESS = """
    操作员 操作員 操作者 操作人 操作系统 操作系統 動作環境 動作温度 作業者 작업자 작업장 작업지시 동작온도
"""

# The beginnings of words in headings whose dates say when something was done to a device, and of versions, which may
# look like dates. A Chinese, Japanese or Korean one may stand anywhere.
PAST_EVENTS = """
    produc product manufact mfg mfd made build built test order ship deliver deliv dispatch creat calibrat pack
    purchase invoice inspect print assembl export import$ receiv lot$ batch datecode firmware fw$ software sw$ version
    record modif updat
    herstell hergestell produktion produzier fertig gefertigt pruf pruef bestell liefer versand erstell kalibrier
    rechnung charge gebaut baujahr
    fabric commande livraison expedition creation etalonnage facture essai lote$ lot
    fabricacion pedido entrega envio creacion calibracion factura prueba
    fabbric produzion ordine consegna spedizion creazion collaud fattura lotto
    fabrica encomenda criacao calibracao fatura teste envio
    生产 生產 制造 製造 出厂 出廠 测试 測試 检验 檢驗 订单 訂單 发货 發貨 出货 出貨 创建 建立 批次 批号 批號 交货 交貨
    生産 出荷 検査 試験 注文 作成 納品 納入
    생산 제조 출하 검사 시험 주문 생성 배송 납품
"""

# Cells that tell what to do with a device.
OPERATION_CELLS = """
    approve revoke replace revoked replaced delete deleted remove removed block blocked deny denied withdraw withdrawn
    widerrufen sperren gesperrt révoquer révoqué revocar revocado revocare revocato revogar revogado bloquear
    bloqueado bloqué
    吊销 吊銷 撤销 撤銷 作废 作廢 失効 取消 폐기 취소 해지 차단
"""

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def headings_of(table: str) -> Iterator[str]:
    """The headings of one column, those in German with both spellings of their umlauts."""
    language = ""
    for line in table.strip().splitlines():
        named, colon, headings = line.partition(":")
        language = named.strip() if colon else language
        for heading in (headings if colon else line).split(","):
            if heading.strip():
                yield heading.strip()
                if language == "German":
                    yield heading.strip().translate(_UMLAUTS)
